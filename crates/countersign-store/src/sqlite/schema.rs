//! The schema: forward-only migrations, which run under a lock.
//!
//! A database that a newer release has migrated is rejected with an explanation.
//! While one process migrates, others wait for a lock file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{connection, lock_file};
use crate::{OpenError, SchemaStatus};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Creates the database if there is none, and runs the missing migrations.
pub(super) fn update(path: &Path) -> Result<(), OpenError> {
    let lock = lock_file::open(path, "lock")?;
    lock.lock().map_err(|source| lock_file::failed(&path.with_extension("lock"), source))?;
    if path.exists() {
        lock_file::check_permitted(path)?;
        // Before any change, because the file may belong to another program.
        status(path)?;
    } else {
        connection::create_private(path).map_err(|source| lock_file::failed(path, source))?;
        crate::give_to_owner_of_directory(path);
    }
    let mut connection = connection::open(path).map_err(|source| failed(path, source))?;
    keep_private(path).map_err(|source| lock_file::failed(path, source))?;
    let status = compare(&connection).map_err(|source| failed(path, source))?;
    if !status.pending.is_empty() {
        embedded::migrations::runner().run(&mut connection).map_err(|source| failed(path, source))?;
    }
    Ok(())
}

/// Compares the schema of a database with this release. Changes nothing.
pub(crate) fn status(path: &Path) -> Result<SchemaStatus, OpenError> {
    let status = if path.exists() {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|source| failed(path, source))?;
        let status = compare(&connection).map_err(|source| failed(path, source))?;
        let SchemaStatus { found, known, .. } = status;
        if found > known {
            return Err(OpenError::NewerSchema { found, known });
        }
        if is_foreign(&connection).map_err(|source| failed(path, source))? {
            return Err(OpenError::Foreign(path.to_owned()));
        }
        status
    } else {
        difference(0)
    };
    Ok(status)
}

/// Whether the database belongs to another program: it has tables but no migrations, or migrations with other
/// names.
fn is_foreign(connection: &Connection) -> rusqlite::Result<bool> {
    if !has_history(connection)? {
        let has_tables =
            "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\')";
        return connection.query_row(has_tables, [], |row| row.get(0));
    }
    let mut applied = connection.prepare("SELECT version, name FROM refinery_schema_history")?;
    let applied = applied.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let applied = applied.collect::<Result<Vec<_>, _>>()?;
    let runner = embedded::migrations::runner();
    let is_ours = |(version, name): &(i64, String)| {
        let migrations = runner.get_migrations();
        migrations.iter().any(|ours| i64::from(ours.version()) == *version && ours.name() == name)
    };
    Ok(!applied.iter().all(is_ours))
}

fn has_history(connection: &Connection) -> rusqlite::Result<bool> {
    let history = "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history')";
    connection.query_row(history, [], |row| row.get(0))
}

fn compare(connection: &Connection) -> rusqlite::Result<SchemaStatus> {
    if !has_history(connection)? {
        return Ok(difference(0));
    }
    let found: Option<u32> =
        connection.query_row("SELECT MAX(version) FROM refinery_schema_history", [], |row| row.get(0))?;
    Ok(difference(found.unwrap_or(0)))
}

fn difference(found: u32) -> SchemaStatus {
    let runner = embedded::migrations::runner();
    let version = |migration: &refinery::Migration| u32::try_from(migration.version()).unwrap_or(0);
    let migrations = runner.get_migrations();
    let known = migrations.iter().map(version).max().unwrap_or(0);
    let pending = migrations.iter().filter(|migration| version(migration) > found).map(ToString::to_string);
    SchemaStatus { found, known, pending: pending.collect() }
}

fn keep_private(path: &Path) -> std::io::Result<()> {
    let is_private = std::fs::metadata(path)?.permissions().mode() & 0o777 == 0o600;
    if is_private { Ok(()) } else { std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) }
}

fn failed(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Database { path: path.display().to_string(), source: source.into() }
}
