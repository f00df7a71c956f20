//! A user: a person who signs in.
//!
//! Usernames are compared in NFKC and lower case. New ones follow RFC 8265 and
//! UTS 39, so that two users do not have names that look alike. Every access token
//! has the user's own claims, which can never replace a registered one.

mod claims;
pub mod email;
mod error;
mod new_name;
mod username;

use crate::password::PasswordHash;
use crate::{Timestamp, UserId};

pub use claims::UserClaims;
pub use error::UserError;
pub use username::Username;

use email::Email;

/// The longest username, in characters.
const MAX_NAME: usize = 128;

/// The longest JSON of own claims of a user and a session together, in bytes. An access token with them fits
/// into a cookie (RFC 6265 §6.1: 4096 bytes), with an RS256 signature of 512 characters, ids of 64, a
/// username of 128, and an issuer and an audience of 64 characters each.
const MAX_CLAIMS: usize = 1536;

/// A user as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The `sub` of the user's tokens.
    pub id: UserId,
    pub username: Username,
    pub email: Option<Email>,
    /// `None`: the user cannot sign in with a password.
    pub password: Option<Password>,
    pub claims: UserClaims,
    pub role: Role,
    /// `None`: the user is enabled.
    pub disabled_at: Option<Timestamp>,
    /// How often all the user's sessions were ended at once. A session is live only in its epoch.
    pub epoch: u32,
    /// The last sign-out everywhere. Legacy tokens that were issued up to then are rejected. A password that
    /// is set before the first session, or in place of a temporary one, does not count as a sign-out.
    pub sessions_ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// A user's password as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    pub hash: PasswordHash,
    pub kind: PasswordKind,
}

/// Who chose a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordKind {
    /// The user.
    Lasting,
    /// An administrator. The user can only use it to set another one.
    Temporary,
}

/// The role of a user on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May use the user's own account.
    User,
    /// May also use all other accounts, with the scope `countersign:admin`.
    Admin,
}

impl User {
    /// Whether the user may sign in and have sessions.
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Records a sign-out everywhere. The recorded time never moves back, even if the clock does.
    pub fn note_sign_out(&mut self, at: Timestamp) {
        self.sessions_ended_at = self.sessions_ended_at.max(Some(at));
    }
}

impl PasswordKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lasting => "lasting",
            Self::Temporary => "temporary",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Lasting, Self::Temporary].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}
