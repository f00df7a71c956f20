//! The key ID: a token's `kid` header names the key that signed the token (RFC 7515 §4.1.4).
//!
//! A `kid` comes from an untrusted client before any signature is checked. It is therefore short, printable,
//! and only looked up in a map in memory. It is never used as a path, a query or a URL (RFC 8725 §3.10).

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A `kid`: 1 to 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

/// In bytes. A SHA-256 thumbprint has 43 characters, a UUID has 36.
const LONGEST: usize = 64;

/// The text is empty, has more than 64 bytes, or has a space, a control or a non-ASCII character.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key ID must have 1 to 64 visible ASCII characters")]
pub struct KeyIdError;

impl KeyId {
    /// Checks the length and the characters of a key ID.
    ///
    /// # Errors
    ///
    /// Fails if the text is empty, has more than 64 bytes, or has a space, a control or a non-ASCII
    /// character.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let fits = (1..=LONGEST).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyIdError)
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Allows a lookup in a map of keys by the text of a header, without an allocation.
impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyId {
    type Error = KeyIdError;

    fn try_from(text: String) -> Result<Self, KeyIdError> {
        Self::parse(&text)
    }
}

impl From<KeyId> for String {
    fn from(key_id: KeyId) -> Self {
        key_id.0
    }
}
