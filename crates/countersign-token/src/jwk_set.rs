//! A published set of public keys (RFC 7517 §5), what `/.well-known/jwks.json` serves.

use serde::Serialize;
use serde_json::Value;

use crate::error::JwkError;
use crate::json::parse_strict;
use crate::jwk::Jwk;

/// Public keys in the order of publication. Serialises to `{"keys":[…]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// At most 100 when parsed; no two share a `kid`.
    pub keys: Vec<Jwk>,
}

/// A hundred RSA keys of 4096 bits with certificates; a set in use has two to ten.
const LONGEST_SET: usize = 512 * 1024;
const MOST_KEYS: usize = 100;

impl JwkSet {
    /// Parses a set. Keys of a type, curve, size, purpose or algorithm that is not supported are skipped, as
    /// RFC 7517 §5 asks; a wrong key spoils the set, because its publisher is broken or hostile.
    ///
    /// # Errors
    ///
    /// When the set is too large, is not strict JSON, has a key that is wrong, or repeats a `kid`.
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
        let mut keys: Vec<Jwk> = Vec::with_capacity(listed.len());
        for value in listed {
            let key = match Jwk::from_value(value) {
                Err(JwkError::Unsupported(_)) => continue,
                other => other?,
            };
            if key.key_id().is_some() && keys.iter().any(|known| known.key_id() == key.key_id()) {
                return Err(JwkError::DuplicateKeyId);
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }
}
