//! Looks into a token without checking anything. For people who debug; never for a decision.

use serde_json::Value;

use crate::compact::{Compact, LONGEST_TOKEN};
use crate::error::VerifyError;

/// What a token claims about itself. Anybody can have written it.
#[derive(Clone, Debug, PartialEq)]
pub struct UnverifiedToken {
    /// The header, an object.
    pub header: Value,
    /// The claims, an object.
    pub claims: Value,
}

/// Decodes without verifying: no signature, no time, no issuer is looked at.
///
/// # Errors
///
/// When the token is too long, does not have three parts, or its header or payload is not a strict JSON
/// object in base64url.
pub fn decode(token: &str) -> Result<UnverifiedToken, VerifyError> {
    let compact = Compact::split(token, LONGEST_TOKEN)?;
    Ok(UnverifiedToken {
        header: Value::Object(compact.header()?.0),
        claims: Value::Object(compact.payload()?),
    })
}
