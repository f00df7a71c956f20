//! A cache of sessions, so that a session that is refreshed again need not be read again.
//!
//! A request applies its step to the cached session at once, and the writer appends
//! the step to the journal. A write removes from the cache what it may change,
//! before it returns, so that later requests read the database. After a failed
//! commit or a write of another process, all cached sessions are doubtful: the
//! cache's age increases, and the writer applies steps of an earlier age again, or
//! rejects them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::{SessionId, UserId};
use quick_cache::unsync::Cache;
use rusqlite::Connection;

/// The most cached sessions. Each takes about a kilobyte.
const CAPACITY: usize = 16_384;

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

/// The cache that requests and the writer share.
#[derive(Clone, Default)]
pub(super) struct SharedRows(Arc<Mutex<Rows>>);

impl SharedRows {
    pub(super) fn lock(&self) -> MutexGuard<'_, Rows> {
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

/// The cache.
pub(super) struct Rows {
    seen: Cache<SessionId, Arc<SessionWithUser>>,
    /// How often all cached sessions have become doubtful.
    age: u64,
    /// SQLite's `data_version`, which changes when another process writes.
    version: i64,
}

impl Default for Rows {
    fn default() -> Self {
        Self { seen: Cache::new(CAPACITY), age: 0, version: 0 }
    }
}

impl Rows {
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
        let Some(mut row) = self.seen.get_mut(&step.session) else { return (None, false) };
        if !step.is_met_by(&row, by.at) {
            return (None, true);
        }
        step.apply(&mut Arc::make_mut(&mut row).session, by);
        (Some(Taken { step: step.clone(), by: by.clone(), row: row.clone(), age }), true)
    }

    /// Whether the step is still reliable: the cache has the same age, and the session is still in it.
    pub(super) fn is_reliable(&self, taken: &Taken) -> bool {
        let generation = |row: &SessionWithUser| row.session.ratchet.generation;
        let remembered = self.seen.peek(&taken.step.session);
        taken.age == self.age && remembered.is_some_and(|row| generation(row) >= generation(&taken.row))
    }

    /// Empties the cache after a failed batch. The next batch assumes that another process has written.
    pub(super) fn start_over(&mut self) {
        self.distrust();
        self.version = 0;
    }

    /// Empties the cache and makes all steps doubtful that are not appended yet.
    fn distrust(&mut self) {
        self.age += 1;
        self.forget(&Touched::Everything);
    }

    /// Adds a session as this batch sees it.
    pub(super) fn put(&mut self, row: Arc<SessionWithUser>) {
        self.seen.insert(row.session.id, row);
    }

    /// Removes the sessions that a write may change.
    pub(super) fn forget(&mut self, touched: &Touched) {
        match touched {
            Touched::Nothing => {}
            Touched::Session(id) => drop(self.seen.remove(id)),
            Touched::User(user) => self.seen.retain(|_, row| row.session.grant.user != *user),
            // A new cache also frees the memory.
            Touched::Everything => self.seen = Cache::new(CAPACITY),
        }
    }
}
