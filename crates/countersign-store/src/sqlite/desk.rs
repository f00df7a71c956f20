//! The writer's state besides its connection, and rotations.

use std::sync::{Arc, MutexGuard};

use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::store::Kept;
use rusqlite::Connection;

use super::log::Log;
use super::recent::{Recent, Taken};

/// The log of rotations, which also has the memory that requests share with the writer.
pub(super) struct Desk {
    pub(super) log: Log,
}

impl Desk {
    /// Locks the shared memory. Requests use it as well, so hold the lock only briefly.
    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.log.recent().lock()
    }

    /// Begins a batch. Reads the log if another process has written since the last batch.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let is_foreign = self.recent().begin(connection)?;
        if is_foreign { self.log.catch_up(connection) } else { Ok(()) }
    }

    /// Applies a step inside the batch's transaction, to the cached session or else to the stored one.
    pub(super) fn rotate(
        &mut self,
        connection: &Connection,
        step: &Step,
        by: &Presence,
    ) -> rusqlite::Result<Option<Arc<SessionWithUser>>> {
        let (taken, is_cached) = self.recent().take(step, by);
        if taken.is_some() || is_cached {
            let row = taken.map(|taken| taken.row);
            return Ok(row.inspect(|row| self.log.append(&row.session)));
        }
        let Some(mut row) = self.log.session(connection, step.session)? else { return Ok(None) };
        if !step.is_met_by(&row, by.at) {
            return Ok(None);
        }
        step.apply(&mut row.session, by);
        let row = Arc::new(row);
        self.recent().put(row.clone());
        self.log.append(&row.session);
        Ok(Some(row))
    }

    /// Logs a step that a request applied to a cached session.
    pub(super) fn keep(&mut self, connection: &Connection, taken: Taken) -> rusqlite::Result<Kept> {
        if self.recent().is_reliable(&taken) {
            self.log.append(&taken.row.session);
            return Ok(Kept::AsSeen);
        }
        // The cached session was wrong, or may be wrong by now.
        Ok(match self.rotate(connection, &taken.step, &taken.by)? {
            None => Kept::NotMet,
            Some(row) if row == taken.row => Kept::AsSeen,
            Some(row) => Kept::Otherwise(row),
        })
    }
}
