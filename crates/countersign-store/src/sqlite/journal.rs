//! The journal: rotations are appended to it, and folded into the sessions' rows later.
//!
//! An update of a session's row writes a separate page for each refresh. An entry
//! of the journal shares its page with thirty others. A rotation is therefore one
//! append. From time to time, the newest move of each session is folded: it is
//! written to the session's row, in the order of the rows and together with the
//! next commit. Every process that has the database open may append and fold. Each
//! batch begins by reading the entries of other processes.

use std::ops::Bound;
use std::sync::LazyLock;

use countersign_core::SessionId;
use countersign_core::ratchet::Generation;
use countersign_core::session::SessionWithUser;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Parameters, moved};
use super::lookup;
use super::moved::{Moved, Moves};
use super::tail::Tail;

/// The fewest sessions that a commit folds, if it folds any.
const SLICE: usize = 64;

/// The writer's view of the journal.
pub(super) struct Journal {
    tail: Tail,
    /// The most entries that may wait to be folded.
    limit: i64,
    /// The moves of this batch. They go to the tail when the batch is committed.
    pending: Moves,
    /// The number of the last entry, including those of this batch.
    last: i64,
    /// The number of the first entry that is not folded.
    first: i64,
    /// The value of `first` after the last commit.
    committed_first: i64,
    /// Whether this process has appended an entry. A command that only reads leaves folding to the server.
    is_ours: bool,
    folding: Option<Folding>,
    /// The moves that this batch has folded.
    folded: Vec<(SessionId, Generation)>,
}

/// One fold, which extends over several commits.
struct Folding {
    /// The number of the last entry that the fold covers.
    up_to: i64,
    /// The sessions that are not folded yet, the next one last.
    rest: Vec<SessionId>,
}

impl Journal {
    /// Reads the entries that are not folded.
    pub(super) fn open(connection: &Connection, limit: usize) -> rusqlite::Result<Self> {
        let mut journal = Self {
            tail: Tail::default(),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            pending: Moves::new(),
            last: 0,
            first: 0,
            committed_first: 0,
            is_ours: false,
            folding: None,
            folded: Vec::new(),
        };
        journal.first =
            connection.query_row("SELECT coalesce(min(number), 1) FROM journal", [], |row| row.get(0))?;
        journal.committed_first = journal.first;
        journal.catch_up(connection)?;
        Ok(journal)
    }

    pub(super) fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Reads the entries that other processes have appended since the last read.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let names = moved::NAMES.list();
        let mut newer = connection.prepare_cached(&format!(
            "SELECT number, session_id, {names} FROM journal WHERE number > ?1 ORDER BY number"
        ))?;
        let mut rows = newer.query([self.last])?;
        while let Some(row) = rows.next()? {
            let Entry { number, session, moved } = read(row)?;
            self.last = number;
            let mut entries = self.tail.entries();
            entries.publish([(session, moved)]);
            entries.last = number;
        }
        Ok(())
    }

    /// The newest move of a session, including this batch's.
    fn latest(&self, id: SessionId) -> Option<Moved> {
        self.pending.get(&id).cloned().or_else(|| self.tail.latest(id).0)
    }

    /// A session with its newest move, including this batch's.
    pub(super) fn current(
        &self,
        connection: &Connection,
        id: SessionId,
    ) -> rusqlite::Result<Option<SessionWithUser>> {
        let mut found = lookup::session(connection, id)?;
        if let Some((row, moved)) = found.as_mut().zip(self.latest(id)) {
            moved.bring_up_to_date(&mut row.session);
        }
        Ok(found)
    }

    /// The newest moves of the sessions after `after`, up to and including `last`.
    pub(super) fn between(&self, after: Option<SessionId>, last: SessionId) -> Moves {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Included(last));
        let owned = |(id, moved): (&SessionId, &Moved)| (*id, moved.clone());
        let mut moves: Moves = self.tail.entries().moves.range(range).map(owned).collect();
        moves.extend(self.pending.range(range).map(owned));
        moves
    }

    pub(super) fn append(
        &mut self,
        connection: &Connection,
        id: SessionId,
        moved: Moved,
    ) -> rusqlite::Result<()> {
        static INSERT: LazyLock<String> = LazyLock::new(|| {
            let (names, parameters) = (moved::NAMES.list(), moved::NAMES.parameters());
            format!("INSERT INTO journal (number, session_id, {names}) VALUES (?, ?, {parameters})")
        });
        let mut insert = connection.prepare_cached(&INSERT)?;
        let mut parameters = Parameters::of(&mut insert);
        parameters.bind(self.last + 1)?;
        parameters.bind(id.as_bytes())?;
        moved::bind(&moved, &mut parameters)?;
        parameters.execute()?;
        self.last += 1;
        self.is_ours = true;
        self.pending.insert(id, moved);
        Ok(())
    }

    /// Folds some sessions if half of the limit waits: twice as many as this batch moved, so that folding
    /// gets ahead of appending.
    pub(super) fn fold_when_long(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.folding.is_none() && self.last - self.first < self.limit / 2 {
            return Ok(());
        }
        self.fold(connection, SLICE.max(2 * self.pending.len()))
    }

    /// Whether this process has nothing to fold.
    pub(super) fn is_folded(&self) -> bool {
        !self.is_ours || self.tail.entries().moves.is_empty()
    }

    /// Writes the newest moves of `count` sessions to their rows. After the last session of the fold, deletes
    /// the entries that the fold covers.
    pub(super) fn fold(&mut self, connection: &Connection, count: usize) -> rusqlite::Result<()> {
        let mut folding = self.folding.take().unwrap_or_else(|| self.begin_to_fold());
        for id in folding.rest.split_off(folding.rest.len().saturating_sub(count)).into_iter().rev() {
            if let Some(moved) = self.latest(id) {
                write_to_row(connection, id, &moved)?;
                self.folded.push((id, moved.generation()));
            }
        }
        if folding.rest.is_empty() {
            connection
                .prepare_cached("DELETE FROM journal WHERE number <= ?1 AND number < ?2")?
                .execute([folding.up_to, self.last])?;
            self.first = folding.up_to + 1;
        } else {
            self.folding = Some(folding);
        }
        Ok(())
    }

    fn begin_to_fold(&self) -> Folding {
        let entries = self.tail.entries();
        Folding { up_to: entries.last, rest: entries.moves.keys().rev().copied().collect() }
    }

    /// Abandons a fold that failed and was rolled back. The next fold starts again.
    pub(super) fn give_up_fold(&mut self) {
        self.folded.clear();
        self.folding = None;
    }

    /// Ends a batch that was committed: readers see it from now on.
    pub(super) fn publish(&mut self) {
        let mut entries = self.tail.entries();
        entries.publish(std::mem::take(&mut self.pending));
        entries.forget(self.folded.drain(..));
        entries.last = self.last;
        self.committed_first = self.first;
    }

    /// Ends a batch that was not committed. Its moves are folded again, which is harmless.
    pub(super) fn roll_back(&mut self) {
        self.pending.clear();
        self.give_up_fold();
        self.last = self.tail.entries().last;
        self.first = self.committed_first;
    }
}

/// A session with its newest move, for a reader.
pub(super) fn session(
    connection: &Connection,
    tail: &Tail,
    id: SessionId,
) -> rusqlite::Result<Option<SessionWithUser>> {
    let (known, last) = tail.latest(id);
    let newer = newest_after(connection, id, last)?;
    // The row is read last, because it has the moves that were folded since.
    let Some(mut found) = lookup::session(connection, id)? else { return Ok(None) };
    for moved in known.into_iter().chain(newer) {
        moved.bring_up_to_date(&mut found.session);
    }
    Ok(Some(found))
}

/// The newest move of a session that another process has appended after the entry `last`.
fn newest_after(connection: &Connection, id: SessionId, last: i64) -> rusqlite::Result<Option<Moved>> {
    static SELECT: LazyLock<String> = LazyLock::new(|| {
        let names = moved::NAMES.list();
        format!(
            "SELECT {names} FROM journal WHERE number > ?1 AND session_id = ?2 ORDER BY number DESC LIMIT 1"
        )
    });
    let mut newer = connection.prepare_cached(&SELECT)?;
    let mut rows = newer.query(params![last, id.as_bytes()])?;
    rows.next()?.map(|row| moved::read(&mut Columns::of(row))).transpose()
}

fn write_to_row(connection: &Connection, id: SessionId, moved: &Moved) -> rusqlite::Result<()> {
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        format!("UPDATE sessions SET {} WHERE id = ? AND generation < ?", moved::NAMES.assignments())
    });
    let mut update = connection.prepare_cached(&UPDATE)?;
    let mut parameters = Parameters::of(&mut update);
    moved::bind(moved, &mut parameters)?;
    parameters.bind(id.as_bytes())?;
    parameters.bind(moved.generation())?;
    parameters.execute().map(drop)
}

/// One row of the table `journal`.
struct Entry {
    number: i64,
    session: SessionId,
    moved: Moved,
}

/// Reads `number`, `session_id` and [`moved::NAMES`].
fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let mut columns = Columns::of(row);
    Ok(Entry {
        number: columns.take()?,
        session: columns.take().map(SessionId::from_bytes)?,
        moved: moved::read(&mut columns)?,
    })
}
