//! The journal: rotations are appended, and folded into the rows later.
//!
//! Updating a session's row dirties a page of its own for every refresh; an
//! entry of the journal shares its page with thirty others. So a rotation is one
//! append, and now and then the newest move of each session is written to its
//! row, in the order of the rows, which the next commit carries along. Every
//! process that has the file open may append and fold: each begins its batch by
//! reading what others have appended since.

use std::ops::Bound;

use countersign_core::SessionId;
use countersign_core::ratchet::Generation;
use countersign_core::session::SessionWithUser;
use rusqlite::{Connection, Row, named_params, params};

use super::columns::{Columns, Seconds};
use super::sessions;
use super::tail::{Moved, Moves, Tail};

/// The columns of an entry, in the order in which [`read`] takes them.
const COLUMNS: &str = "number, session_id, generation, current_hash, next_hash, previous, rotated_at, burst_from, \
     burst_at, recoveries, refreshed_at, refreshed_address, refreshed_device, idle_expires_at";

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
        let mut newer = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM journal WHERE number > ?1 ORDER BY number"))?;
        let mut rows = newer.query([self.last])?;
        while let Some(row) = rows.next()? {
            let (number, id, moved) = read(row)?;
            self.last = number;
            let mut entries = self.tail.entries();
            entries.publish([(id, moved)]);
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
        let mut found = sessions::stored(connection, id)?;
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
        let Moved { ratchet, refreshed, idle_expires_at } = &moved;
        let mut insert = connection.prepare_cached(
            "INSERT INTO journal (number, session_id, generation, current_hash, next_hash, previous, rotated_at,
                                  burst_from, burst_at, recoveries, refreshed_at, refreshed_address,
                                  refreshed_device, idle_expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        insert.execute(params![
            self.last + 1,
            id.as_bytes(),
            ratchet.generation,
            ratchet.current.as_bytes(),
            ratchet.next.as_bytes(),
            ratchet.previous.map(|spent| spent.generation),
            ratchet.previous.map(|spent| Seconds(spent.at)),
            ratchet.burst.map(|spent| spent.generation),
            ratchet.burst.map(|spent| Seconds(spent.at)),
            ratchet.recoveries,
            Seconds(refreshed.at),
            sessions::address_text(refreshed),
            refreshed.device,
            Seconds(*idle_expires_at),
        ])?;
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
    let Some(mut found) = sessions::stored(connection, id)? else { return Ok(None) };
    for moved in known.into_iter().chain(newer) {
        moved.bring_up_to_date(&mut found.session);
    }
    Ok(Some(found))
}

/// What another process has appended for a session after the entry `last`.
fn newest_after(connection: &Connection, id: SessionId, last: i64) -> rusqlite::Result<Option<Moved>> {
    let mut newer = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM journal WHERE number > ?1 AND session_id = ?2 ORDER BY number DESC LIMIT 1"
    ))?;
    let mut rows = newer.query(params![last, id.as_bytes()])?;
    rows.next()?.map(|row| read(row).map(|(_, _, moved)| moved)).transpose()
}

fn write_to_row(connection: &Connection, id: SessionId, moved: &Moved) -> rusqlite::Result<()> {
    let Moved { ratchet, refreshed, idle_expires_at } = moved;
    let mut update = connection.prepare_cached(
        "UPDATE sessions
         SET generation = :generation, current_hash = :current, next_hash = :next, previous = :previous,
             rotated_at = :rotated_at, burst_from = :burst_from, burst_at = :burst_at, recoveries = :recoveries,
             refreshed_at = :refreshed_at, refreshed_address = :address, refreshed_device = :device,
             idle_expires_at = :idle
         WHERE id = :id AND generation < :generation",
    )?;
    update
        .execute(named_params! {
            ":id": id.as_bytes(),
            ":generation": ratchet.generation,
            ":current": ratchet.current.as_bytes(),
            ":next": ratchet.next.as_bytes(),
            ":previous": ratchet.previous.map(|spent| spent.generation),
            ":rotated_at": ratchet.previous.map(|spent| Seconds(spent.at)),
            ":burst_from": ratchet.burst.map(|spent| spent.generation),
            ":burst_at": ratchet.burst.map(|spent| Seconds(spent.at)),
            ":recoveries": ratchet.recoveries,
            ":refreshed_at": Seconds(refreshed.at),
            ":address": sessions::address_text(refreshed),
            ":device": refreshed.device,
            ":idle": Seconds(*idle_expires_at),
        })
        .map(drop)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, SessionId, Moved)> {
    let mut columns = Columns::of(row);
    let number = columns.take()?;
    let id = columns.take().map(SessionId::from_bytes)?;
    let moved = Moved {
        ratchet: sessions::read_ratchet(&mut columns)?,
        refreshed: sessions::read_presence(&mut columns)?,
        idle_expires_at: sessions::read_time(&mut columns)?,
    };
    Ok((number, id, moved))
}
