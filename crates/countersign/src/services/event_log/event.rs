//! What an event says: which sessions, what happened, who did it.

use countersign_core::ratchet::Generation;
use countersign_core::refresh::Advance;
use countersign_core::session::{Presence, RevokedReason, Session, Whose};
use countersign_core::{ClientId, SessionId, UserId};

/// One thing that happened.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Later ones have greater numbers. From 1, in each process anew.
    pub number: u64,
    /// When it was noted, in milliseconds since the Unix epoch.
    pub at_millis: u64,
    /// To whose sessions.
    pub of: Subject,
    /// What.
    pub change: Change,
    /// Who did it, or what gave it away. `None`: whoever it was did it to many at once.
    pub by: Option<Presence>,
}

/// Which sessions an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One.
    Session {
        /// It.
        id: SessionId,
        /// Its user.
        user: UserId,
        /// Its client.
        client: ClientId,
    },
    /// All of an owner that there were.
    All(Whose),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was opened.
    Opened,
    /// One generation was exchanged for another.
    Moved {
        /// In which way.
        how: Advance,
        /// What was presented.
        presented: Generation,
        /// Where the session is now.
        generation: Generation,
    },
    /// A spent generation was answered with the current one again.
    Replayed {
        /// What was presented.
        presented: Generation,
        /// Where the session is.
        generation: Generation,
    },
    /// It had reached its end when its token was presented.
    Expired,
    /// It was taken back.
    Revoked {
        /// Why.
        reason: RevokedReason,
        /// What was presented, when a token gave it away.
        presented: Option<Generation>,
        /// Where it was.
        generation: Generation,
    },
    /// All of them were taken back.
    AllRevoked,
}

impl Subject {
    /// One session.
    pub fn of(session: &Session) -> Self {
        Self::Session {
            id: session.id,
            user: session.grant.user.clone(),
            client: session.grant.client.clone(),
        }
    }

    /// Whether it is about a session of this client.
    pub fn is_of(&self, wanted: &ClientId) -> bool {
        match self {
            Self::Session { client, .. } | Self::All(Whose::Client(client)) => client == wanted,
            Self::All(_) => false,
        }
    }
}
