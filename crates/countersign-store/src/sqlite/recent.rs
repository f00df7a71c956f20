//! What this process remembers of sessions: cached sessions, and the moves that are not folded yet.
//!
//! A **cached session** is ahead of the database. A request applies its step to it
//! at once, and the writer logs the step. A write removes the sessions that it may
//! change, before it returns. After a failed commit or a write of another process,
//! all cached sessions are doubtful: the cache's age increases, and the writer
//! applies steps of an earlier age again, or rejects them.
//!
//! An **unfolded move** is committed, and in the log, but not in its session's row.
//! The writer publishes the moves of a batch after the commit and before it
//! responds. A reader reads the moves first and the row second. A move that is
//! folded in between is then in the row, so a reader never sees a session at an
//! earlier generation than before.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::ratchet::Generation;
use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::{SessionId, UserId};
use quick_cache::unsync::Cache;
use rusqlite::Connection;

use super::moved::{Packed, PackedMoves};

/// The rows that a write may change.
#[derive(Debug, Clone)]
pub(super) enum Touched {
    /// No existing row.
    Nothing,
    /// The row of one session.
    Session(SessionId),
    /// The row of a user and those of the user's sessions.
    User(UserId),
    /// Any row.
    Everything,
}

/// The memory that requests, readers and the writer share. Hold the lock only briefly.
#[derive(Clone)]
pub(super) struct SharedRecent(Arc<Mutex<Recent>>);

impl SharedRecent {
    /// Empty memory that caches at most `capacity` sessions.
    pub(super) fn new(capacity: u32) -> Self {
        let capacity = capacity as usize;
        Self(Arc::new(Mutex::new(Recent {
            capacity,
            cached: Cache::new(capacity),
            age: 0,
            version: 0,
            unfolded: BTreeMap::new(),
            last: 0,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step that was applied to a cached session.
pub(super) struct Taken {
    pub(super) step: Step,
    pub(super) by: Presence,
    /// The session after the step.
    pub(super) row: Arc<SessionWithUser>,
    /// The cache's age when the step was applied.
    age: u64,
}

pub(super) struct Recent {
    /// The most cached sessions.
    capacity: usize,
    cached: Cache<SessionId, Arc<SessionWithUser>>,
    /// How often all cached sessions have become doubtful.
    age: u64,
    /// SQLite's `data_version`, which changes when another process writes.
    version: i64,
    /// The newest unfolded move of each session that has one, in the order of the rows.
    unfolded: PackedMoves,
    /// The number of the last rotation among them.
    last: i64,
}

/// Cached sessions.
impl Recent {
    /// Begins a batch. `true`: another process has written since the last batch.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let version =
            connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get::<_, i64>(0))?;
        let is_foreign = std::mem::replace(&mut self.version, version) != version;
        if is_foreign {
            self.distrust();
        }
        Ok(is_foreign)
    }

    /// Applies a step to a cached session that meets its condition. Also returns whether the session is cached.
    pub(super) fn take(&mut self, step: &Step, by: &Presence) -> (Option<Taken>, bool) {
        let age = self.age;
        let Some(mut row) = self.cached.get_mut(&step.session) else { return (None, false) };
        if !step.is_met_by(&row, by.at) {
            return (None, true);
        }
        step.apply(&mut Arc::make_mut(&mut row).session, by);
        (Some(Taken { step: step.clone(), by: by.clone(), row: row.clone(), age }), true)
    }

    /// Whether the step is still reliable: the cache has the same age, and the session is still in it.
    pub(super) fn is_reliable(&self, taken: &Taken) -> bool {
        let generation = |row: &SessionWithUser| row.session.ratchet.generation;
        let remembered = self.cached.peek(&taken.step.session);
        taken.age == self.age && remembered.is_some_and(|row| generation(row) >= generation(&taken.row))
    }

    /// Empties the cache after a failed batch. The next batch assumes that another process has written.
    pub(super) fn start_over(&mut self) {
        self.distrust();
        self.version = 0;
    }

    /// Empties the cache and makes all steps doubtful that are not logged yet.
    fn distrust(&mut self) {
        self.age += 1;
        self.forget(&Touched::Everything);
    }

    /// Adds a session as this batch sees it.
    pub(super) fn put(&mut self, row: Arc<SessionWithUser>) {
        self.cached.insert(row.session.id, row);
    }

    /// Removes the sessions that a write may change.
    pub(super) fn forget(&mut self, touched: &Touched) {
        match touched {
            Touched::Nothing => {}
            Touched::Session(id) => drop(self.cached.remove(id)),
            Touched::User(user) => self.cached.retain(|_, row| row.session.grant.user != *user),
            // A new cache also frees the memory.
            Touched::Everything => self.cached = Cache::new(self.capacity),
        }
    }
}

/// Unfolded moves.
impl Recent {
    /// The newest unfolded move of a session.
    pub(super) fn moved(&self, id: SessionId) -> Option<Packed> {
        self.unfolded.get(&id).cloned()
    }

    /// The number of the last rotation that was published.
    pub(super) const fn last(&self) -> i64 {
        self.last
    }

    pub(super) fn is_folded(&self) -> bool {
        self.unfolded.is_empty()
    }

    /// The sessions that have an unfolded move, in the order of the rows.
    pub(super) fn unfolded(&self) -> impl DoubleEndedIterator<Item = SessionId> + '_ {
        self.unfolded.keys().copied()
    }

    /// The unfolded moves of a range of sessions.
    pub(super) fn range(&self, range: impl RangeBounds<SessionId>) -> PackedMoves {
        self.unfolded.range(range).map(|(id, moved)| (*id, moved.clone())).collect()
    }

    /// Adds committed moves, of which the last is the rotation `number`. Publishing moves twice is harmless.
    pub(super) fn publish(&mut self, number: i64, moves: impl IntoIterator<Item = (SessionId, Packed)>) {
        for (id, moved) in moves {
            let known = self.unfolded.get(&id);
            if known.is_none_or(|known| known.generation() < moved.generation()) {
                self.unfolded.insert(id, moved);
            }
        }
        self.last = self.last.max(number);
    }

    /// Removes moves that were folded, unless the session has moved since.
    pub(super) fn forget_folded(&mut self, folded: impl IntoIterator<Item = (SessionId, Generation)>) {
        for (id, generation) in folded {
            if self.unfolded.get(&id).is_some_and(|moved| moved.generation() <= generation) {
                self.unfolded.remove(&id);
            }
        }
    }
}
