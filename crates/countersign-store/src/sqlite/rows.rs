//! Sessions as they were last seen: one that is refreshed again need not be read again.
//!
//! A request takes its step here, at once, and the writer appends it. Whatever
//! another write may have changed is dropped while that write is made, before it
//! is answered: whoever asks afterwards asks the database. A step that rested on
//! what then was not so, after a failed commit or a write of another process,
//! is known by its age and taken again by the writer, or refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::{SessionId, UserId};
use quick_cache::unsync::Cache;
use rusqlite::Connection;

/// Sessions that are remembered at most: each takes about a kilobyte.
const PLACES: usize = 16_384;

/// Which rows a write may change.
#[derive(Debug, Clone)]
pub(super) enum Touched {
    /// None that was there before.
    Nothing,
    /// One session's.
    Session(SessionId),
    /// A user's, and all their sessions'.
    User(UserId),
    /// Any.
    Everything,
}

/// The rows that requests and the writer remember together.
#[derive(Clone, Default)]
pub(super) struct SharedRows(Arc<Mutex<Rows>>);

impl SharedRows {
    pub(super) fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step that was taken on a remembered row.
pub(super) struct Taken {
    pub(super) step: Step,
    pub(super) by: Presence,
    /// What the row has become.
    pub(super) row: Arc<SessionWithUser>,
    age: u64,
}

/// What is remembered.
pub(super) struct Rows {
    seen: Cache<SessionId, Arc<SessionWithUser>>,
    /// How often all that was remembered turned out to be doubtful.
    age: u64,
    /// What the database's version was when other processes were last asked for.
    version: i64,
}

impl Default for Rows {
    fn default() -> Self {
        Self { seen: Cache::new(PLACES), age: 0, version: 0 }
    }
}

impl Rows {
    /// Begins a batch. `true`: another process has written since the last one.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let version =
            connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get::<_, i64>(0))?;
        let is_foreign = std::mem::replace(&mut self.version, version) != version;
        if is_foreign {
            self.distrust();
        }
        Ok(is_foreign)
    }

    /// Takes a step on a row that is remembered and meets its condition; and whether it is remembered.
    pub(super) fn take(&mut self, step: &Step, by: &Presence) -> (Option<Taken>, bool) {
        let age = self.age;
        let Some(mut row) = self.seen.get_mut(&step.session) else { return (None, false) };
        if !step.is_met_by(&row, by.at) {
            return (None, true);
        }
        step.apply(&mut Arc::make_mut(&mut row).session, by);
        (Some(Taken { step: step.clone(), by: by.clone(), row: row.clone(), age }), true)
    }

    /// Whether nothing has happened since that makes the step doubtful: what it moved is still remembered.
    pub(super) fn is_good(&self, taken: &Taken) -> bool {
        let generation = |row: &SessionWithUser| row.session.ratchet.generation;
        let remembered = self.seen.peek(&taken.step.session);
        taken.age == self.age && remembered.is_some_and(|row| generation(row) >= generation(&taken.row))
    }

    /// Begins anew after a batch that failed, and asks for other processes' writes again.
    pub(super) fn start_over(&mut self) {
        self.distrust();
        self.version = 0;
    }

    /// Drops everything, and with it the steps that rested on it and are not appended yet.
    fn distrust(&mut self) {
        self.age += 1;
        self.forget(&Touched::Everything);
    }

    /// Remembers a row as this batch sees it.
    pub(super) fn put(&mut self, row: Arc<SessionWithUser>) {
        self.seen.insert(row.session.id, row);
    }

    /// Drops what a write may have changed.
    pub(super) fn forget(&mut self, touched: &Touched) {
        match touched {
            Touched::Nothing => {}
            Touched::Session(id) => drop(self.seen.remove(id)),
            Touched::User(user) => self.seen.retain(|_, row| row.session.grant.user != *user),
            // Memory goes back with it: an idle server needs none.
            Touched::Everything => self.seen = Cache::new(PLACES),
        }
    }
}
