//! Events: a change of one or several sessions, and who caused it.

use countersign_core::ratchet::Generation;
use countersign_core::refresh::Advance;
use countersign_core::session::{Presence, RevokedReason, Session, Whose};
use countersign_core::{ClientId, SessionId, UserId};

/// One change of one or several sessions.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Ascending, from 1 in each process.
    pub number: u64,
    /// When the event was added, in milliseconds since the Unix epoch.
    pub at_millis: u64,
    pub of: Subject,
    pub change: Change,
    /// The client that caused the change, or that presented the token that revealed it. `None` if the change concerns
    /// several sessions.
    pub by: Option<Presence>,
}

/// Which sessions an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Session {
        id: SessionId,
        user: UserId,
        client: ClientId,
    },
    /// All sessions that the owner had at that time.
    All(Whose),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Opened,
    /// The session moved to a new generation.
    Moved {
        how: Advance,
        /// The generation of the presented token.
        presented: Generation,
        /// The new generation of the session.
        generation: Generation,
    },
    /// A spent refresh token was presented within the grace, and the current one was returned again.
    Replayed {
        /// The generation of the presented token.
        presented: Generation,
        /// The generation of the session.
        generation: Generation,
    },
    /// A token of a session that had expired was presented.
    Expired,
    Revoked {
        reason: RevokedReason,
        /// The generation of the presented token, if a presented token caused the revocation.
        presented: Option<Generation>,
        /// The generation of the session.
        generation: Generation,
    },
    /// All sessions of the subject were revoked.
    AllRevoked,
}

impl Subject {
    pub fn of(session: &Session) -> Self {
        Self::Session {
            id: session.id,
            user: session.grant.user.clone(),
            client: session.grant.client.clone(),
        }
    }

    /// Whether the subject is a session of this client, or all its sessions.
    pub fn is_of(&self, wanted: &ClientId) -> bool {
        match self {
            Self::Session { client, .. } | Self::All(Whose::Client(client)) => client == wanted,
            Self::All(_) => false,
        }
    }
}
