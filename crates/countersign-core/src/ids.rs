//! Names of things: users, clients, sessions.
//!
//! A session id is a UUID (version 7, RFC 9562 §5.7), so rows of one time lie
//! together. A user id is text, because a database that moves here brings its
//! own ids along. None of them is a secret.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::World;

/// The longest user or client id, in bytes.
const MAX_LENGTH: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not 1 to 64 characters of the set that is allowed.
    #[error("an id has 1 to 64 characters of A-Z a-z 0-9 . _ : @ | -")]
    Text,
    /// Not a UUID in its hyphenated form.
    #[error("a session id is a UUID such as 018f3c1e-7d2a-7c3b-9a55-0123456789ab")]
    Session,
}

/// The server's own clients.
const FIRST_PARTY: &str = "first-party";
const LAB: &str = "lab";
const LAB_API: &str = "lab-api";

fn new_uuid(world: &World) -> Uuid {
    Builder::from_unix_timestamp_millis(world.now_millis(), &world.random()).into_uuid()
}

fn check_text(text: &str) -> Result<(), IdError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@|-".contains(&byte);
    if (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(IdError::Text)
    }
}

/// Whose account it is: the `sub` of every token (RFC 7519 §4.1.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// Which software acts for the user (RFC 6749 §2.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

/// The `sid` of a session: 16 bytes, shown as a hyphenated UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId([u8; 16]);

impl UserId {
    /// A new id for a user who brings none.
    pub fn new(world: &World) -> Self {
        Self(new_uuid(world).hyphenated().to_string())
    }
}

impl ClientId {
    /// The id of the app that is served without registration: the first-party API and the tutorial's.
    pub fn first_party() -> Self {
        Self(FIRST_PARTY.to_owned())
    }

    /// The id of the page that development shows.
    pub fn lab() -> Self {
        Self(LAB.to_owned())
    }

    /// The id as which that page introspects.
    pub fn lab_api() -> Self {
        Self(LAB_API.to_owned())
    }

    /// Whether the id is the server's own: no user has it, and no client is registered under it (RFC 9700 §4.15).
    pub fn is_reserved(&self) -> bool {
        [FIRST_PARTY, LAB, LAB_API].contains(&self.0.as_str())
    }
}

/// Both are texts of the same form.
impl From<&UserId> for ClientId {
    fn from(id: &UserId) -> Self {
        Self(id.0.clone())
    }
}

impl SessionId {
    /// A new id.
    pub fn new(world: &World) -> Self {
        Self(new_uuid(world).into_bytes())
    }

    /// The id in its stored form.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The greatest id that a session can have which was opened up to now: ids sort by time.
    pub fn newest(world: &World) -> Self {
        let mut bytes = [0xff; 16];
        bytes[..6].copy_from_slice(&world.now_millis().to_be_bytes()[2..]);
        Self(bytes)
    }

    /// Its 16 bytes.
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

/// The same conversions for both ids that are text.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text.
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
    fn a_user_id_refuses_what_could_break_a_header_or_a_log() {
        for text in ["", "a b", "a\r\nb", "é", &"a".repeat(65)] {
            assert_eq!(text.parse::<UserId>(), Err(IdError::Text), "{text:?}");
        }
        assert_eq!("1".parse::<UserId>().map(String::from), Ok("1".to_owned()));
    }
}
