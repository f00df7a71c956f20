//! What the writer has at hand beside its connection, and rotations with it.

use std::sync::{Arc, MutexGuard};

use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::store::Kept;
use rusqlite::Connection;

use super::journal::Journal;
use super::moved::Moved;
use super::rows::{Rows, SharedRows, Taken, Touched};

/// The journal, and what is remembered of rows.
pub(super) struct Desk {
    pub(super) journal: Journal,
    rows: SharedRows,
}

impl Desk {
    pub(super) const fn new(journal: Journal, rows: SharedRows) -> Self {
        Self { journal, rows }
    }

    /// What is remembered of rows; requests look there too, so nobody keeps it for long.
    pub(super) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock()
    }

    /// Begins a batch: other processes may have written since the last one.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let is_foreign = self.rows().begin(connection)?;
        if is_foreign { self.journal.catch_up(connection) } else { Ok(()) }
    }

    /// Takes a step inside the batch's transaction, on what is remembered or else on what is stored.
    pub(super) fn rotate(
        &mut self,
        connection: &Connection,
        step: &Step,
        by: &Presence,
    ) -> rusqlite::Result<Option<Arc<SessionWithUser>>> {
        let (taken, is_remembered) = self.rows().take(step, by);
        if taken.is_some() || is_remembered {
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

    /// Appends a step that was taken on a remembered row.
    pub(super) fn keep(&mut self, connection: &Connection, taken: Taken) -> rusqlite::Result<Kept> {
        if self.rows().is_good(&taken) {
            return self.append(connection, taken.row).map(|_| Kept::AsSeen);
        }
        // What the step rested on was not so, or may not be so any more.
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
        // What is remembered by now did not happen if this fails.
        let appended = self.journal.append(connection, id, Moved::of(&row.session));
        appended.inspect_err(|_| self.rows().forget(&Touched::Session(id))).map(|()| row)
    }
}
