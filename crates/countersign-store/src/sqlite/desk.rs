//! The writer's state besides its connection, and rotations.

use std::sync::{Arc, MutexGuard};

use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::store::Kept;
use rusqlite::Connection;

use super::journal::Journal;
use super::moved::Moved;
use super::rows::{Rows, SharedRows, Taken, Touched};

/// The journal, and the cache of sessions.
pub(super) struct Desk {
    pub(super) journal: Journal,
    rows: SharedRows,
}

impl Desk {
    pub(super) const fn new(journal: Journal, rows: SharedRows) -> Self {
        Self { journal, rows }
    }

    /// Locks the cache of sessions. Requests use it as well, so hold the lock only briefly.
    pub(super) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock()
    }

    /// Begins a batch. Reads the journal if another process has written since the last batch.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let is_foreign = self.rows().begin(connection)?;
        if is_foreign { self.journal.catch_up(connection) } else { Ok(()) }
    }

    /// Applies a step inside the batch's transaction, to the cached session or else to the stored one.
    pub(super) fn rotate(
        &mut self,
        connection: &Connection,
        step: &Step,
        by: &Presence,
    ) -> rusqlite::Result<Option<Arc<SessionWithUser>>> {
        let (taken, is_cached) = self.rows().take(step, by);
        if taken.is_some() || is_cached {
            let row = taken.map(|taken| taken.row);
            return row.map(|row| self.append(connection, row)).transpose();
        }
        let Some(mut row) = self.journal.current(connection, step.session)? else { return Ok(None) };
        if !step.is_met_by(&row, by.at) {
            return Ok(None);
        }
        step.apply(&mut row.session, by);
        let row = Arc::new(row);
        self.rows().put(row.clone());
        self.append(connection, row).map(Some)
    }

    /// Appends a step that a request applied to a cached session.
    pub(super) fn keep(&mut self, connection: &Connection, taken: Taken) -> rusqlite::Result<Kept> {
        if self.rows().is_reliable(&taken) {
            return self.append(connection, taken.row).map(|_| Kept::AsSeen);
        }
        // The cached session was wrong, or may be wrong by now.
        Ok(match self.rotate(connection, &taken.step, &taken.by)? {
            None => Kept::NotMet,
            Some(row) if row == taken.row => Kept::AsSeen,
            Some(row) => Kept::Otherwise(row),
        })
    }

    fn append(
        &mut self,
        connection: &Connection,
        row: Arc<SessionWithUser>,
    ) -> rusqlite::Result<Arc<SessionWithUser>> {
        let id = row.session.id;
        // If this fails, the cached session has a move that did not happen.
        let appended = self.journal.append(connection, id, Moved::of(&row.session));
        appended.inspect_err(|_| self.rows().forget(&Touched::Session(id))).map(|()| row)
    }
}
