//! The journal: rotations are appended, and folded into the rows later.
//!
//! Updating a session's row dirties a page of its own for every refresh; an
//! entry of the journal shares its page with thirty others. So a rotation is one
//! append, and now and then the newest move of each session is written to its
//! row, in the order of the rows, which the next commit carries along. Every
//! process that has the file open may append and fold: each begins its batch by
//! reading what others have appended since.

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

/// Sessions that one commit folds at least, once it folds.
const SLICE: usize = 64;

/// The writer's end of the journal.
pub(super) struct Journal {
    tail: Tail,
    /// Entries that may wait at most.
    limit: i64,
    /// What this batch has appended, on its way to the tail.
    pending: Moves,
    /// The number of the last entry, this batch's included.
    last: i64,
    /// The number of the first entry that was not folded when it was last looked at.
    first: i64,
    /// The same when the last batch was committed.
    committed_first: i64,
    /// Whether this process has appended anything: a command that only looks leaves folding to the server.
    is_ours: bool,
    folding: Option<Folding>,
    /// What this batch has folded.
    folded: Vec<(SessionId, Generation)>,
}

/// One fold, over several commits.
struct Folding {
    /// The last entry that it covers.
    up_to: i64,
    /// The sessions that are left, the next one last.
    rest: Vec<SessionId>,
}

impl Journal {
    /// Reads what was left unfolded.
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

    /// Reads what other processes have appended since it was read last.
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

    /// The newest move of a session as this batch sees it.
    fn latest(&self, id: SessionId) -> Option<Moved> {
        self.pending.get(&id).cloned().or_else(|| self.tail.latest(id).0)
    }

    /// A session as this batch sees it.
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

    /// The newest moves of the sessions after `after`, up to and with `last`.
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

    /// Folds a slice if half of the limit waits: twice as much as this batch appended, so that it comes to an end.
    pub(super) fn fold_when_long(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.folding.is_none() && self.last - self.first < self.limit / 2 {
            return Ok(());
        }
        self.fold(connection, SLICE.max(2 * self.pending.len()))
    }

    /// Whether there is nothing for this process to fold.
    pub(super) fn is_folded(&self) -> bool {
        !self.is_ours || self.tail.entries().moves.is_empty()
    }

    /// Writes the newest moves of `count` sessions to their rows; when all that are covered have been written,
    /// forgets their entries.
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

    /// Ends a fold that failed and was undone; the next one begins anew.
    pub(super) fn give_up_fold(&mut self) {
        self.folded.clear();
        self.folding = None;
    }

    /// Ends a batch that was committed: from here on everybody may see it.
    pub(super) fn publish(&mut self) {
        let mut entries = self.tail.entries();
        entries.publish(std::mem::take(&mut self.pending));
        entries.forget(self.folded.drain(..));
        entries.last = self.last;
        self.committed_first = self.first;
    }

    /// Ends a batch that was not committed. What it folded is folded again, which does no harm.
    pub(super) fn roll_back(&mut self) {
        self.pending.clear();
        self.give_up_fold();
        self.last = self.tail.entries().last;
        self.first = self.committed_first;
    }
}

/// A session as it is now, for a reader.
pub(super) fn session(
    connection: &Connection,
    tail: &Tail,
    id: SessionId,
) -> rusqlite::Result<Option<SessionWithUser>> {
    let (known, last) = tail.latest(id);
    let newer = newest_after(connection, id, last)?;
    // The row comes last: what was folded since is in it.
    let Some(mut found) = lookup::session(connection, id)? else { return Ok(None) };
    for moved in known.into_iter().chain(newer) {
        moved.bring_up_to_date(&mut found.session);
    }
    Ok(Some(found))
}

/// What another process has appended for a session after the entry `last`.
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
