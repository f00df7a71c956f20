//! Decodes a token without verifying it, for debugging and for choosing the issuer whose keys to use.
//!
//! Never base an authorization decision on the result.

use serde::Deserialize;
use serde_json::Value;

use crate::compact::Compact;
use crate::error::VerifyError;
use crate::token_type::LONGEST_TOKEN;

/// The contents of a token that was not verified. An attacker may have written them.
#[derive(Clone, Debug, PartialEq)]
pub struct UnverifiedToken {
    /// The header. Always a JSON object.
    pub header: Value,
    /// The claims. Always a JSON object.
    pub claims: Value,
}

/// Decodes a token without checking its signature, times, issuer or audience.
///
/// # Errors
///
/// - [`VerifyError::TooLong`] or [`VerifyError::NotThreeParts`].
/// - [`VerifyError::Encoding`], [`VerifyError::Json`] or [`VerifyError::NotAnObject`] if the header or the
///   payload is not a strict JSON object in base64url.
pub fn decode(token: &str) -> Result<UnverifiedToken, VerifyError> {
    let compact = Compact::split(token, LONGEST_TOKEN)?;
    Ok(UnverifiedToken {
        header: Value::Object(compact.header()?.0),
        claims: Value::Object(compact.payload()?),
    })
}

/// Reads the `iss` of a token, so that a verifier of several issuers can choose the keys.
///
/// This is much faster than [`decode`]. The result is not verified: pass the chosen issuer to
/// [`crate::verify`], which compares it with the verified claims.
///
/// # Errors
///
/// - [`VerifyError::TooLong`] or [`VerifyError::NotThreeParts`].
/// - [`VerifyError::Encoding`] if the payload is not base64url.
/// - [`VerifyError::Claim`] if the payload is not an object with exactly one `iss`, a string.
pub fn issuer(token: &str) -> Result<String, VerifyError> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }

    let payload = Compact::split(token, LONGEST_TOKEN)?.payload_bytes()?;
    // The parser's error is dropped, because it may quote text of an untrusted client.
    let named = serde_json::from_slice::<Named>(&payload).ok();
    named.map(|named| named.iss).ok_or(VerifyError::Claim("iss"))
}
