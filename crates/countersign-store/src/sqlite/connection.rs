//! Connections with the settings that all parts of this store need.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;

/// How long a process waits for the write of another process, for example a command for a running server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the database, or creates it.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Takes effect only in an empty file. Free pages can then be returned in small steps.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit returns when it has reached the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise SQLite plans a statement again when its parameters have new values. The plans here do not
    // depend on them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Opens the database for the writer, which also reads sessions while requests wait.
pub(super) fn open_for_writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    // 8 MiB hold the upper levels of a B-tree with ten million sessions.
    connection.pragma_update(None, "cache_size", -8192)?;
    // 16 MiB instead of 4: a fold of a hundred thousand sessions writes the same pages as the fold before.
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    Ok(connection)
}

/// Makes a small write, which changes only a counter in the file's header.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    let count: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    connection.pragma_update(None, "user_version", count.wrapping_add(1))
}

/// Copies a snapshot of the database to a new file. Removes the file if that fails.
pub(super) fn copy_to(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    create_private(path).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    fill(connection, path).inspect_err(|_| remove_with_journal(path))
}

fn fill(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(path)?;
    // In one step, because a commit of another process between two steps would restart the copy.
    Backup::new(connection, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    // A file in WAL mode could be read only where a log can be created.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

/// Removes the files of a failed copy. Errors are ignored, because the caller reports the first one.
fn remove_with_journal(path: &Path) {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    for file in [path, Path::new(&journal)] {
        std::fs::remove_file(file).ok();
    }
}

/// Creates a new file that only its owner can read.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// The findings of SQLite's integrity check, at most 20.
pub(super) fn diagnose(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check(20)")?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}
