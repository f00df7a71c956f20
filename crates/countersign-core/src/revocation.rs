//! What was taken back, for those who verify access tokens on their own.
//!
//! An access token outlives its session by minutes, unless its verifier hears
//! of the revocation. A store notes each one in the write that makes it, under a
//! number that never comes again. All sessions of one owner are one entry: it
//! names the newest of them, because session ids are in the order of time and
//! `iat` is not precise enough for somebody who signs in again at once.

use crate::store::Whose;
use crate::{SessionId, Timestamp};

/// One revocation, as the store noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Later ones have greater numbers. From 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What was taken back.
    pub of: RevokedSessions,
}

/// Which sessions a revocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedSessions {
    /// This one.
    One(SessionId),
    /// All of an owner that there were.
    UpTo {
        /// Whose.
        whose: Whose,
        /// The newest of them; a session that is opened later has a greater id.
        newest: SessionId,
        /// The one that stayed.
        except: Option<SessionId>,
    },
}

impl RevokedSessions {
    /// The session that the entry names, whose random bits tell it from any other entry of its number.
    pub const fn named(&self) -> SessionId {
        match self {
            Self::One(session) | Self::UpTo { newest: session, .. } => *session,
        }
    }
}
