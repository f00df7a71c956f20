//! Sessions as the writer last saw them: one that is refreshed again need not be read again.
//!
//! Only the writer looks here, inside its transaction, and drops what any other
//! write may have changed; a commit of another process empties the whole.

use std::ops::DerefMut;
use std::sync::Arc;

use countersign_core::session::SessionWithUser;
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

/// The writer's memory of rows.
pub(super) struct Rows {
    seen: Cache<SessionId, Arc<SessionWithUser>>,
    /// What the database's version was when other processes were last asked for.
    version: i64,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { seen: Cache::new(PLACES), version: 0 }
    }

    /// Begins a batch. `true`: another process has written since the last one.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let version =
            connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get::<_, i64>(0))?;
        let is_foreign = std::mem::replace(&mut self.version, version) != version;
        if is_foreign {
            self.forget(&Touched::Everything);
        }
        Ok(is_foreign)
    }

    /// The row, to be changed as this batch changes it.
    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<impl DerefMut<Target = Arc<SessionWithUser>>> {
        self.seen.get_mut(&id)
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
