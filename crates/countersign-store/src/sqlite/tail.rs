//! The tail: the part of the journal that is not folded yet, in memory.
//!
//! The writer publishes the moves of a batch here after the commit and before it
//! responds. A reader reads the tail first and the row second. A move that is
//! folded in between is then in the row, so a reader never sees a session at an
//! earlier generation than before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::SessionId;
use countersign_core::ratchet::Generation;

use super::moved::{Moved, Moves};

/// The tail. Clones share the same data.
#[derive(Clone, Default)]
pub(super) struct Tail {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) moves: Moves,
    /// The number of the last journal entry in the tail.
    pub(super) last: i64,
}

impl Tail {
    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest move of a session in the tail, and the number of the tail's last entry.
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

    /// Removes moves that were folded, unless the session has moved since.
    pub(super) fn forget(&mut self, folded: impl IntoIterator<Item = (SessionId, Generation)>) {
        for (id, generation) in folded {
            if self.moves.get(&id).is_some_and(|moved| moved.generation() <= generation) {
                self.moves.remove(&id);
            }
        }
    }
}
