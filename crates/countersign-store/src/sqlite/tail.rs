//! The part of the journal that is not folded into the rows yet, in memory.
//!
//! The writer publishes here what it has committed, before anybody is answered.
//! A reader looks here first and at the row second: what is folded in between
//! is in the row by then, so nobody ever sees a session go back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::SessionId;
use countersign_core::ratchet::Generation;

use super::moved::{Moved, Moves};

/// What is not folded yet; every clone is the same tail.
#[derive(Clone, Default)]
pub(super) struct Tail {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) moves: Moves,
    /// The number of the last journal entry that is known here.
    pub(super) last: i64,
}

impl Tail {
    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest move of a session, and the last journal entry that was looked at for it.
    pub(super) fn latest(&self, id: SessionId) -> (Option<Moved>, i64) {
        let entries = self.entries();
        (entries.moves.get(&id).cloned(), entries.last)
    }
}

impl Entries {
    pub(super) fn publish(&mut self, moves: impl IntoIterator<Item = (SessionId, Moved)>) {
        for (id, moved) in moves {
            let known = self.moves.get(&id);
            if known.is_none_or(|known| known.generation() < moved.generation()) {
                self.moves.insert(id, moved);
            }
        }
    }

    /// Drops moves that are in their rows by now, unless the session has moved on since.
    pub(super) fn forget(&mut self, folded: impl IntoIterator<Item = (SessionId, Generation)>) {
        for (id, generation) in folded {
            if self.moves.get(&id).is_some_and(|moved| moved.generation() <= generation) {
                self.moves.remove(&id);
            }
        }
    }
}
