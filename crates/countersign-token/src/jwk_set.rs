//! A published set of public keys (RFC 7517 §5), what `/.well-known/jwks.json` serves.

use serde::Serialize;
use serde_json::Value;

use crate::error::JwkError;
use crate::json::parse_strict;
use crate::jwk::Jwk;

/// Public keys in the order of publication. Serialises to `{"keys":[…]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// At most 100 when parsed.
    pub keys: Vec<Jwk>,
}

/// A hundred RSA keys of 4096 bits with certificates; a set in use has two to ten.
const LONGEST_SET: usize = 512 * 1024;
const MOST_KEYS: usize = 100;

impl JwkSet {
    /// Parses a set. Entries that are no usable public key are ignored, as RFC 7517 §5 asks: keys that are malformed,
    /// not supported or for another purpose, keys with a private member, and what is no object. [`Jwk::parse`] says
    /// what is wrong with one of them. Keys that share a `kid` are all kept (RFC 7517 §4.5).
    ///
    /// # Errors
    ///
    /// When the set is too large, is not strict JSON, or is no object with a list `keys`.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkError> {
        if bytes.len() > LONGEST_SET {
            return Err(JwkError::TooLarge);
        }
        Self::from_value(&parse_strict(bytes)?)
    }

    /// Reads a set out of JSON that [`parse_strict`] has read, such as a client's registered `jwks`.
    ///
    /// # Errors
    ///
    /// As [`JwkSet::parse`].
    pub fn from_value(value: &Value) -> Result<Self, JwkError> {
        let listed = value.get("keys").and_then(Value::as_array).ok_or(JwkError::Member("keys"))?;
        if listed.len() > MOST_KEYS {
            return Err(JwkError::TooLarge);
        }
        Ok(Self { keys: listed.iter().filter_map(|value| Jwk::from_value(value).ok()).collect() })
    }
}
