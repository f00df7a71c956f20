//! A user: somebody who signs in.
//!
//! Names are compared in one form (NFKC, lower case), and new ones follow RFC 8265
//! and UTS 39, so that two users cannot look alike. A user's own claims ride in every access token beside the
//! registered ones and can never replace one of them.

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

/// The longest JSON of own claims, in bytes, a session's among them. The access token that carries them fits into a
/// cookie (RFC 6265 §6.1: 4096 bytes) with an RS256 signature of 512 characters, ids of 64, a username of 128, and an
/// issuer and an audience of 64 characters each.
const MAX_CLAIMS: usize = 1536;

/// A user as the store keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The `sub` of their tokens.
    pub id: UserId,
    /// What they sign in with.
    pub username: Username,
    /// Their e-mail address.
    pub email: Option<Email>,
    /// Their password, or `None` when they cannot sign in with one.
    pub password: Option<Password>,
    /// Their own claims.
    pub claims: UserClaims,
    /// What they may do here.
    pub role: Role,
    /// When they were disabled, if they are.
    pub disabled_at: Option<Timestamp>,
    /// Counts the times that all their sessions were ended at once.
    pub epoch: u32,
    /// When they were last signed out everywhere, if they were. Legacy tokens that were issued until then are refused.
    /// A password that is set before the first session, or in place of a temporary one, does not count.
    pub sessions_ended_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A user's password at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// Its hash.
    pub hash: PasswordHash,
    /// Whether it lasts.
    pub kind: PasswordKind,
}

/// Whether a password lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordKind {
    /// Its user chose it.
    Lasting,
    /// Somebody else gave it out: it is good for setting another one and for nothing else.
    Temporary,
}

/// What a user may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Their own account.
    User,
    /// Everybody's: the scope `countersign:admin`.
    Admin,
}

impl User {
    /// Whether they may have sessions at all.
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Notes that they were signed out everywhere. A clock that was set back moves the time to no earlier one.
    pub fn note_sign_out(&mut self, at: Timestamp) {
        self.sessions_ended_at = self.sessions_ended_at.max(Some(at));
    }
}

impl PasswordKind {
    /// The name that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lasting => "lasting",
            Self::Temporary => "temporary",
        }
    }

    /// The kind with this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Lasting, Self::Temporary].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Role {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// The role with this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}
