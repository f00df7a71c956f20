//! What a rotation changes of a session.

use std::collections::BTreeMap;

use countersign_core::ratchet::Generation;
use countersign_core::session::{Presence, Ratchet, Session};
use countersign_core::{SessionId, Timestamp};

/// The part of a session that a rotation changes.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    pub(crate) ratchet: Ratchet,
    pub(crate) refreshed: Presence,
    pub(crate) idle_expires_at: Timestamp,
}

/// The newest move of each session that has one, in the order of the rows.
pub(crate) type Moves = BTreeMap<SessionId, Moved>;

impl Moved {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            ratchet: session.ratchet.clone(),
            refreshed: session.refreshed.clone(),
            idle_expires_at: session.idle_expires_at,
        }
    }

    /// Brings a row up to date, unless the row is as new or newer.
    pub(crate) fn bring_up_to_date(self, session: &mut Session) {
        if self.ratchet.generation > session.ratchet.generation {
            session.ratchet = self.ratchet;
            session.refreshed = self.refreshed;
            session.idle_expires_at = self.idle_expires_at;
        }
    }

    pub(crate) const fn generation(&self) -> Generation {
        self.ratchet.generation
    }
}
