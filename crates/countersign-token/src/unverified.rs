//! Looks into a token without checking anything. For people who debug, and to choose whose keys to verify with;
//! never for a decision.

use serde::Deserialize;
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

/// The issuer that a token names, for a verifier of several that must choose whose keys to verify it with.
///
/// Much quicker than [`decode`], and believed by nobody: [`crate::verify`] then insists on the issuer whose keys it
/// was given.
///
/// # Errors
///
/// When the token is too long, does not have three parts, or its payload is not an object in base64url that
/// names one issuer, which is [`VerifyError::Claim`].
pub fn issuer(token: &str) -> Result<String, VerifyError> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }

    let payload = Compact::split(token, LONGEST_TOKEN)?.payload_bytes()?;
    // What the parser would say may quote a stranger.
    let named = serde_json::from_slice::<Named>(&payload).ok();
    named.map(|named| named.iss).ok_or(VerifyError::Claim("iss"))
}
