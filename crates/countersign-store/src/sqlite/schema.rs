//! The schema: forward-only migrations, under a lock, behind a gate.
//!
//! A database that a newer release has written is refused in words rather than
//! misread. A lock file lets one process migrate while another waits.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::connection;
use crate::{OpenError, SchemaStatus};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Brings the database up to date.
pub(super) fn update(path: &Path) -> Result<(), OpenError> {
    let _lock = lock(path).map_err(|source| failed(path, source))?;
    let mut connection = connection::open(path).map_err(|source| failed(path, source))?;
    keep_private(path).map_err(|source| failed(path, source))?;
    let status = compare(&connection).map_err(|source| failed(path, source))?;
    check(&status)?;
    if !status.pending.is_empty() {
        embedded::migrations::runner().run(&mut connection).map_err(|source| failed(path, source))?;
    }
    Ok(())
}

/// Compares a database with this release, and changes nothing.
pub(crate) fn status(path: &Path) -> Result<SchemaStatus, OpenError> {
    let status = if path.exists() {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|source| failed(path, source))?;
        compare(&connection).map_err(|source| failed(path, source))?
    } else {
        difference(0)
    };
    check(&status)?;
    Ok(status)
}

fn check(status: &SchemaStatus) -> Result<(), OpenError> {
    let SchemaStatus { found, known, .. } = *status;
    if found > known { Err(OpenError::NewerSchema { found, known }) } else { Ok(()) }
}

fn compare(connection: &Connection) -> rusqlite::Result<SchemaStatus> {
    let is_new = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'", [], |_| Ok(()))
        .optional()?
        .is_none();
    if is_new {
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

fn lock(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

#[cfg(unix)]
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn failed(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Database { path: path.display().to_string(), source: source.into() }
}
