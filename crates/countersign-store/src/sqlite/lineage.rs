//! Which database this is, and how far it has come.

use countersign_core::Timestamp;
use countersign_core::store::Position;
use rusqlite::{Connection, OptionalExtension};

use super::columns::Seconds;

pub(super) fn position(connection: &Connection) -> rusqlite::Result<Position> {
    let (store, restored_at) = connection.query_row("SELECT store, restored_at FROM lineage", [], |row| {
        let Seconds(restored_at) = row.get(1)?;
        Ok((row.get(0)?, restored_at))
    })?;
    // The newest entry of the journal stays, and no number of a revocation is given twice.
    let rotations: Option<i64> =
        connection.query_row("SELECT max(number) FROM journal", [], |row| row.get(0))?;
    let revocations: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'revocations'", [], |row| row.get(0))
        .optional()?;
    let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    Ok(Position { store, restored_at, rotations: whole(rotations), revocations: whole(revocations) })
}

/// Notes that the database was put back. Later times are greater, whatever the backup says.
pub(super) fn note_restored(connection: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    connection.execute("UPDATE lineage SET restored_at = max(restored_at + 1, ?1)", [Seconds(at)]).map(drop)
}
