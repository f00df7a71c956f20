//! A published set of public keys (RFC 7517 §5), as `/.well-known/jwks.json` serves it.

use serde::Serialize;
use serde_json::Value;

use crate::error::JwkError;
use crate::json::parse_strict;
use crate::jwk::Jwk;

/// Public keys in the order of publication. Serialises to `{"keys":[…]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// At most 100 if the set was parsed.
    pub keys: Vec<Jwk>,
}

/// In bytes: enough for a hundred RSA keys of 4096 bits with certificates. A real key set has two to ten
/// keys.
const LONGEST_SET: usize = 512 * 1024;
const MOST_KEYS: usize = 100;

impl JwkSet {
    /// Parses a key set and ignores entries that are not usable public keys, as RFC 7517 §5 recommends:
    /// malformed keys, unsupported keys, keys for another purpose, keys with private members, and entries
    /// that are not objects. To find out why an entry was ignored, call [`Jwk::parse`]. Keys that share a
    /// `kid` are all kept (RFC 7517 §4.5).
    ///
    /// # Errors
    ///
    /// - [`JwkError::TooLarge`] if the set has more than 512 KiB or 100 keys.
    /// - [`JwkError::Json`] if the set is not strict JSON.
    /// - [`JwkError::Member`] if the set is not an object with an array `keys`.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkError> {
        if bytes.len() > LONGEST_SET {
            return Err(JwkError::TooLarge);
        }
        Self::from_value(&parse_strict(bytes)?)
    }

    /// Reads a key set from a value that [`parse_strict`] returned, such as a client's registered `jwks`.
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`JwkSet::parse`], except [`JwkError::Json`] and too many bytes.
    pub fn from_value(value: &Value) -> Result<Self, JwkError> {
        let listed = value.get("keys").and_then(Value::as_array).ok_or(JwkError::Member("keys"))?;
        if listed.len() > MOST_KEYS {
            return Err(JwkError::TooLarge);
        }
        Ok(Self { keys: listed.iter().filter_map(|value| Jwk::from_value(value).ok()).collect() })
    }
}
