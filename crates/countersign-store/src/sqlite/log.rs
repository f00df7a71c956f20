//! The log of rotations, on disk: each commit appends its rotations as one entry, and they are folded later.
//!
//! An update of a session's row would write a separate page for each refresh. In
//! the log, thirty rotations share a page, and all rotations of a commit are one
//! insertion. From time to time, the newest move of each session is folded: it is
//! written to the table `session_moves`, in the order of its rows and together
//! with the next commit.
//!
//! Every process that has the database open may append and fold. Each batch begins
//! by reading the entries of other processes.

use std::ops::Bound;

use countersign_core::SessionId;
use countersign_core::ratchet::Generation;
use countersign_core::session::{Session, SessionWithUser};
use rusqlite::{Connection, params};

use super::lookup;
use super::moved::{self, Packed, PackedMoves};
use super::recent::SharedRecent;
use crate::SqliteOptions;

/// The fewest sessions that a commit folds, if it folds any.
const SLICE: usize = 64;

/// The writer's view of the log. Entries have the number of their last rotation.
pub(super) struct Log {
    recent: SharedRecent,
    /// The most rotations that may wait to be folded.
    limit: i64,
    batch: Batch,
    /// The number of the last rotation, including those of this batch.
    last: i64,
    /// The number of the last rotation that is folded.
    folded: i64,
    /// The value of `folded` after the last commit.
    committed_folded: i64,
    /// Whether this process has logged a rotation. A command that only reads leaves folding to the server.
    is_ours: bool,
    folding: Option<Folding>,
}

/// What a batch has done. It is published when the batch is committed.
#[derive(Default)]
struct Batch {
    /// The value of the batch's entry.
    entry: Vec<u8>,
    moves: PackedMoves,
    folded: Vec<(SessionId, Generation)>,
}

/// One fold, which extends over several commits.
struct Folding {
    /// The number of the last rotation that the fold covers.
    up_to: i64,
    /// The sessions that are not folded yet, the next one last.
    rest: Vec<SessionId>,
}

impl Log {
    /// Reads the rotations that are not folded.
    pub(super) fn open(connection: &Connection, options: SqliteOptions) -> rusqlite::Result<Self> {
        let recent = SharedRecent::new(options.cached_sessions);
        catch_up(connection, &recent)?;
        let last = recent.lock().last();
        // Folding a rotation twice is harmless.
        let folded =
            connection
                .query_row("SELECT coalesce(min(number) - 1, 0) FROM rotations", [], |row| row.get(0))?;
        Ok(Self {
            recent,
            limit: options.window.into(),
            batch: Batch::default(),
            last,
            folded,
            committed_folded: folded,
            is_ours: false,
            folding: None,
        })
    }

    /// The memory that requests and readers share with the writer.
    pub(super) const fn recent(&self) -> &SharedRecent {
        &self.recent
    }

    /// Reads the rotations of other processes, at the beginning of a batch.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        catch_up(connection, &self.recent)?;
        self.last = self.recent.lock().last();
        Ok(())
    }

    /// Adds the rotation that led to this session to the batch.
    pub(super) fn append(&mut self, session: &Session) {
        let moved = Packed::of(session);
        self.batch.entry = moved::append(std::mem::take(&mut self.batch.entry), session.id, &moved);
        self.batch.moves.insert(session.id, moved);
        self.last += 1;
        self.is_ours = true;
    }

    /// Writes the batch's rotations, at the end of its transaction.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.batch.entry.is_empty() {
            return Ok(());
        }
        connection
            .prepare_cached("INSERT INTO rotations (number, moves) VALUES (?1, ?2)")?
            .execute(params![self.last, self.batch.entry])
            .map(drop)
    }

    /// The newest move of a session that is not folded, including this batch's.
    fn moved(&self, id: SessionId) -> Option<Packed> {
        self.batch.moves.get(&id).cloned().or_else(|| self.recent.lock().moved(id))
    }

    /// A session with its newest move, including this batch's.
    pub(super) fn session(
        &self,
        connection: &Connection,
        id: SessionId,
    ) -> rusqlite::Result<Option<SessionWithUser>> {
        let found = lookup::session(connection, id)?;
        found.map(|row| lookup::up_to_date(row, self.moved(id))).transpose()
    }

    /// The unfolded moves of the sessions after `after`, up to and including `last`.
    pub(super) fn between(&self, after: Option<SessionId>, last: SessionId) -> PackedMoves {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Included(last));
        let mut moves = self.recent.lock().range(range);
        moves.extend(self.batch.moves.range(range).map(|(id, moved)| (*id, moved.clone())));
        moves
    }

    /// Whether this process has nothing to fold.
    pub(super) fn is_folded(&self) -> bool {
        !self.is_ours || self.recent.lock().is_folded()
    }

    /// Folds some sessions if half of the limit waits: twice as many as this batch moved, so that the fold is
    /// done before the rest of the limit is used.
    pub(super) fn fold_when_long(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.folding.is_none() && self.last - self.folded < self.limit / 2 {
            return Ok(());
        }
        self.fold(connection, SLICE.max(2 * self.batch.moves.len()))
    }

    /// Writes the newest moves of `count` sessions to `session_moves`. After the last session of the fold, deletes
    /// the entries that it covers. The newest entry stays, so that its number is not used again.
    pub(super) fn fold(&mut self, connection: &Connection, count: usize) -> rusqlite::Result<()> {
        let mut folding = self.folding.take().unwrap_or_else(|| self.begin_to_fold());
        for id in folding.rest.split_off(folding.rest.len().saturating_sub(count)).into_iter().rev() {
            if let Some(moved) = self.moved(id) {
                save(connection, id, &moved)?;
                self.batch.folded.push((id, moved.generation()));
            }
        }
        if folding.rest.is_empty() {
            connection
                .prepare_cached("DELETE FROM rotations WHERE number <= ?1 AND number < (SELECT max(number) FROM rotations)")?
                .execute([folding.up_to])?;
            self.folded = folding.up_to;
        } else {
            self.folding = Some(folding);
        }
        Ok(())
    }

    fn begin_to_fold(&self) -> Folding {
        let recent = self.recent.lock();
        Folding { up_to: recent.last(), rest: recent.unfolded().rev().collect() }
    }

    /// Abandons a fold that failed and was rolled back. The next fold starts again.
    pub(super) fn give_up_fold(&mut self) {
        self.batch.folded.clear();
        self.folding = None;
    }

    /// Ends a batch that was committed: readers see it from now on.
    pub(super) fn publish(&mut self) {
        let Batch { moves, folded, .. } = std::mem::take(&mut self.batch);
        let mut recent = self.recent.lock();
        recent.publish(self.last, moves);
        recent.forget_folded(folded);
        self.committed_folded = self.folded;
    }

    /// Ends a batch that was not committed. Its moves are folded again, which is harmless.
    pub(super) fn roll_back(&mut self) {
        self.batch = Batch::default();
        self.folding = None;
        self.last = self.recent.lock().last();
        self.folded = self.committed_folded;
    }
}

/// Publishes the committed entries that this process does not know. Writers and readers do this.
fn catch_up(connection: &Connection, recent: &SharedRecent) -> rusqlite::Result<()> {
    let known = recent.lock().last();
    let mut newer =
        connection.prepare_cached("SELECT number, moves FROM rotations WHERE number > ?1 ORDER BY number")?;
    let mut rows = newer.query([known])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let moves = moved::read_entry(row.get_ref(1)?.as_blob()?)?;
        let mut recent = recent.lock();
        // Another reader may have published this entry, and the writer may have folded it since.
        if number > recent.last() {
            recent.publish(number, moves);
        }
    }
    Ok(())
}

/// A session with its newest move, for a reader.
pub(super) fn session(
    connection: &Connection,
    recent: &SharedRecent,
    id: SessionId,
) -> rusqlite::Result<Option<SessionWithUser>> {
    catch_up(connection, recent)?;
    let moved = recent.lock().moved(id);
    // The row is read last, because it has the moves that were folded since.
    let found = lookup::session(connection, id)?;
    found.map(|row| lookup::up_to_date(row, moved)).transpose()
}

/// Writes a move to the table `session_moves`, unless a newer one is there.
fn save(connection: &Connection, id: SessionId, moved: &Packed) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO session_moves (session_id, generation, packed) VALUES (?1, ?2, ?3)
             ON CONFLICT (session_id) DO UPDATE SET generation = excluded.generation, packed = excluded.packed
             WHERE generation < excluded.generation",
        )?
        .execute(params![id.as_bytes(), moved.generation(), moved])
        .map(drop)
}
