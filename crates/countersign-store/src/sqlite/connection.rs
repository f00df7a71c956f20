//! A connection as every part of this store wants it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;

/// How long one process waits for another one's write, such as a command beside a running server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the file, which is made if it is absent and readable by its owner alone.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Only an empty file takes this; free pages can then be given back in small steps.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answer is given after its commit has reached the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    // SQLite would plan a statement anew for new values of its parameters. Every plan here is the primary key.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Opens the file for the one who writes, and who looks sessions up while requests wait.
pub(super) fn open_for_writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    // 8 MiB: the upper levels of the tree over ten million sessions.
    connection.pragma_update(None, "cache_size", -8192)?;
    Ok(connection)
}

/// A small write that leaves its mark nowhere but in a counter of the file's own header.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    let count: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    connection.pragma_update(None, "user_version", count.wrapping_add(1))
}

/// Copies the whole database as it is at one moment to a new file, which is gone again if that fails.
pub(super) fn copy_to(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    create_private(path).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    fill(connection, path).inspect_err(|_| remove_with_journal(path))
}

fn fill(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(path)?;
    // In one step: between two, another process's commit would begin it anew, again and again.
    Backup::new(connection, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    // A file that says it has a write-ahead log can only be read where one can be made.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

/// Removes what a copy that failed has left; that it failed is the error, not this.
fn remove_with_journal(path: &Path) {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    for file in [path, Path::new(&journal)] {
        std::fs::remove_file(file).ok();
    }
}

/// Makes a new file that its owner alone may read.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// What SQLite's own check finds, in its words.
pub(super) fn diagnose(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check(20)")?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}
