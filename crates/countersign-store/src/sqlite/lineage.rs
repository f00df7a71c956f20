//! The identity of the database, and its position.

use countersign_core::Timestamp;
use countersign_core::store::Position;
use rusqlite::Connection;

use super::columns::Seconds;

pub(super) fn position(connection: &Connection) -> rusqlite::Result<Position> {
    let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    // The newest entry of the log is never deleted, so the greatest number only grows.
    let rotations = connection.query_row("SELECT max(number) FROM rotations", [], |row| row.get(0))?;
    connection.query_row("SELECT store, restored_at, writes FROM lineage", [], |row| {
        let Seconds(restored_at) = row.get(1)?;
        let writes = whole(row.get(2)?);
        Ok(Position { store: row.get(0)?, restored_at, rotations: whole(rotations), writes })
    })
}

/// Counts a write, in the transaction of that write.
pub(super) fn count_write(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE lineage SET writes = writes + 1")?.execute([]).map(drop)
}

/// Records a restore. The recorded time is always later than the one in the backup.
pub(super) fn note_restored(connection: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    connection.execute("UPDATE lineage SET restored_at = max(restored_at + 1, ?1)", [Seconds(at)]).map(drop)
}
