//! The ids of users, clients and sessions. None of them is a secret.
//!
//! A session id is a UUID of version 7 (RFC 9562 §5.7), so that sessions of about
//! the same time have neighbouring rows. A user id is text, because imported users
//! keep the ids of their former database.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::World;

/// The longest user or client id, in bytes.
const MAX_LENGTH: usize = 64;

/// A text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// A user or client id has a wrong length or a character that is not allowed.
    #[error("an id has 1 to 64 characters of A-Z a-z 0-9 . _ : @ | - and is not `.` or `..`")]
    Text,
    /// A session id is not a hyphenated UUID.
    #[error("a session id is a UUID such as 018f3c1e-7d2a-7c3b-9a55-0123456789ab")]
    Session,
}

// The server's own clients.
const FIRST_PARTY: &str = "first-party";
const LAB: &str = "lab";
const LAB_API: &str = "lab-api";

fn new_uuid(world: &World) -> Uuid {
    Builder::from_unix_timestamp_millis(world.now_millis(), &world.random()).into_uuid()
}

fn check_text(text: &str) -> Result<(), IdError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@|-".contains(&byte);
    // A client that builds a URL removes a segment of only dots.
    let is_segment = text != "." && text != "..";
    if (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) && is_segment {
        Ok(())
    } else {
        Err(IdError::Text)
    }
}

/// The id of a user: the `sub` of tokens (RFC 7519 §4.1.2), 1 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// The id of a client (RFC 6749 §2.2), 1 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

/// The id of a session: the `sid` of tokens, 16 bytes, written as a hyphenated UUID. Later ids are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId([u8; 16]);

impl UserId {
    /// A new id, which is a UUID.
    pub fn new(world: &World) -> Self {
        Self(new_uuid(world).hyphenated().to_string())
    }
}

impl ClientId {
    /// The client that needs no registration: whatever uses `/v1` or the tutorial routes.
    pub fn first_party() -> Self {
        Self(FIRST_PARTY.to_owned())
    }

    /// The page that `serve --dev` shows.
    pub fn lab() -> Self {
        Self(LAB.to_owned())
    }

    /// The client that introspects for the page of `serve --dev`.
    pub fn lab_api() -> Self {
        Self(LAB_API.to_owned())
    }

    /// Whether the id belongs to the server itself. No user and no registered client can have such an id (RFC
    /// 9700 §4.15).
    pub fn is_reserved(&self) -> bool {
        [FIRST_PARTY, LAB, LAB_API].contains(&self.0.as_str())
    }
}

/// For comparing the two: both have the same form.
impl From<&UserId> for ClientId {
    fn from(id: &UserId) -> Self {
        Self(id.0.clone())
    }
}

impl SessionId {
    pub fn new(world: &World) -> Self {
        Self(new_uuid(world).into_bytes())
    }

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The greatest id that a session opened up to now can have.
    pub fn newest(world: &World) -> Self {
        let mut bytes = [0xff; 16];
        bytes[..6].copy_from_slice(&world.now_millis().to_be_bytes()[2..]);
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != 36 {
            return Err(IdError::Session);
        }
        Uuid::try_parse(text).map(|uuid| Self(uuid.into_bytes())).map_err(|_| IdError::Session)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl TryFrom<String> for SessionId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> String {
        id.to_string()
    }
}

/// Implements the conversions that user and client ids have in common.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                check_text(text).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                check_text(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id!(UserId);
text_id!(ClientId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_reads_back_from_its_text() {
        let id = SessionId::from_bytes([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn only_the_hyphenated_form_is_a_session_id() {
        for text in ["", "00000000000000000000000000000000", "{00000000-0000-0000-0000-000000000000}", "x"] {
            assert_eq!(text.parse::<SessionId>(), Err(IdError::Session), "{text}");
        }
    }

    #[test]
    fn a_user_id_has_no_characters_that_could_break_a_header_or_a_log() {
        for text in ["", "a b", "a\r\nb", "é", ".", "..", &"a".repeat(65)] {
            assert_eq!(text.parse::<UserId>(), Err(IdError::Text), "{text:?}");
        }
        assert_eq!("1".parse::<UserId>().map(String::from), Ok("1".to_owned()));
    }
}
