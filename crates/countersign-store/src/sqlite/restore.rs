//! Restoring a backup, so that whatever was revoked or spent after it stays invalid.
//!
//! The backup is copied next to the database and migrated. Then every session up to
//! now is revoked in the copy, including sessions that were opened after the backup
//! and are not in it. Finally the copy replaces the database in one step: after a
//! crash, there is either the old or the new database. The old database is kept
//! under another name.

use std::fs::File;
use std::path::{Path, PathBuf};

use countersign_core::revocation::RevokedSessions;
use countersign_core::session::{Presence, Revoked, RevokedReason, Whose};
use countersign_core::{SessionId, World};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::in_use::InUse;
use super::{connection, ending, keys, lineage, revocations, schema};
use crate::{RestoreError, Restored};

/// Replaces the database `to` by the backup `from`.
pub(crate) fn restore(from: &Path, to: &Path, world: &World) -> Result<Restored, RestoreError> {
    check_backup(from)?;
    // A symbolic link stays: the file that it points to is replaced.
    let to = &to.canonicalize().unwrap_or_else(|_| to.to_owned());
    let in_use = InUse::alone(to).map_err(RestoreError::Open)?;
    // Held until the end, so that no process opens the old database meanwhile.
    let _in_use = in_use.ok_or_else(|| RestoreError::InUse(to.to_owned()))?;
    let held = if to.exists() { hold(to)? } else { None };
    let copy = to.with_extension("restoring");
    remove(&copy)?;
    let backup = match held.as_ref().filter(|_| is_same(from, to)) {
        // The backup is the database itself, which is already open here and locked.
        Some(held) => copy_to(held, &copy),
        None => open_backup(from).and_then(|backup| copy_to(&backup, &copy)),
    };
    let revoked = backup.and_then(|()| revoke_in(&copy, world));
    let revoked = revoked.inspect_err(|_| drop(remove(&copy)))?;
    crate::give_to_owner_of_directory(&copy);
    let kept = replace(to, &copy, world)?;
    drop(held);
    Ok(Restored { revoked, kept })
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

/// Renames the copy to the database. After a crash, there is either the old or the new database.
fn replace(to: &Path, copy: &Path, world: &World) -> Result<Option<PathBuf>, RestoreError> {
    // SQLite would apply the logs of the old file to the new one.
    for end in ["-wal", "-shm", "-journal"] {
        let mut name = to.as_os_str().to_owned();
        name.push(end);
        remove(Path::new(&name))?;
    }
    let replace = || -> std::io::Result<Option<PathBuf>> {
        let kept = if to.exists() { Some(keep(to, world)?) } else { None };
        std::fs::rename(copy, to)?;
        // Makes the names durable as well.
        File::open(to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
            .sync_all()?;
        Ok(kept)
    };
    replace().map_err(|source| failed(to, source))
}

/// Gives the database a second, unused name. Without hard links in the file system, copies it.
fn keep(database: &Path, world: &World) -> std::io::Result<PathBuf> {
    let second = world.now().seconds();
    for number in 1_u32.. {
        let kept = database.with_extension(format!("before-restore-{second}-{number}"));
        match std::fs::hard_link(database, &kept) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(_) if kept.exists() => {}
            Err(_) => return std::fs::copy(database, &kept).map(|_| kept),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// Fails if the file is not a complete backup. Changes nothing.
fn check_backup(from: &Path) -> Result<(), RestoreError> {
    let not_a_backup = || RestoreError::NotABackup(from.to_owned());
    if !from.is_file() {
        return Err(not_a_backup());
    }
    File::open(from).map_err(|source| failed(from, source))?;
    let status = schema::status(from).map_err(|error| match error {
        crate::OpenError::Database { .. } | crate::OpenError::Foreign(_) => not_a_backup(),
        other => RestoreError::Open(other),
    })?;
    if status.found == 0 {
        return Err(not_a_backup());
    }
    let backup = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let findings = backup.and_then(|backup| connection::diagnose(&backup)).map_err(|_| not_a_backup())?;
    if findings.is_empty() { Ok(()) } else { Err(RestoreError::Damaged(from.to_owned())) }
}

/// Writes the log into the database and locks it, which works only while no other process has it open.
/// `None`: the database is damaged, so no process can use it.
fn hold(path: &Path) -> Result<Option<Connection>, RestoreError> {
    let hold = || -> rusqlite::Result<(String, Connection)> {
        let connection = Connection::open(path)?;
        let mode = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
        Ok((mode, connection))
    };
    match hold() {
        Ok((mode, connection)) if mode == "delete" => Ok(Some(connection)),
        Ok(_) => Err(RestoreError::InUse(path.to_owned())),
        Err(error) if is_of(&error, &[ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked]) => {
            Err(RestoreError::InUse(path.to_owned()))
        }
        Err(error) if is_of(&error, &[ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt]) => Ok(None),
        Err(error) => Err(failed(path, error)),
    }
}

fn is_of(error: &rusqlite::Error, codes: &[ErrorCode]) -> bool {
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

fn open_backup(from: &Path) -> Result<Connection, RestoreError> {
    Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|source| failed(from, source))
}

fn copy_to(backup: &Connection, copy: &Path) -> Result<(), RestoreError> {
    connection::copy_to(backup, copy).map_err(|source| failed(copy, source))
}

/// Migrates the copy and revokes its sessions. Returns how many there were.
fn revoke_in(copy: &Path, world: &World) -> Result<u64, RestoreError> {
    let fail = |source: rusqlite::Error| failed(copy, source);
    schema::update(copy).map_err(RestoreError::Open)?;
    let mut database = connection::open(copy).map_err(fail)?;
    let revoked = revoke_everything(&mut database, world).map_err(fail)?;
    // A file with a write-ahead log cannot be renamed safely.
    database.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(fail)?;
    drop(database);
    File::open(copy).and_then(|file| file.sync_all()).map_err(|source| failed(copy, source))?;
    Ok(revoked)
}

fn revoke_everything(database: &mut Connection, world: &World) -> rusqlite::Result<u64> {
    let at = world.now();
    let transaction = database.transaction()?;
    let by = Presence { at, address: None, device: "countersign restore".to_owned() };
    let how = Revoked { reason: RevokedReason::EndedByAdmin, by, presented: None };
    let revoked = ending::revoke_all(&transaction, &Whose::Everyone, None, &how)?;
    let newest = SessionId::newest(world);
    let everything = RevokedSessions::UpTo { whose: Whose::Everyone, newest, except: None };
    revocations::note(&transaction, at, &everything)?;
    lineage::note_restored(&transaction, at)?;
    // A key may have been retired after the backup because it was stolen. It must not sign or verify again.
    // The next start makes new keys.
    keys::forget_all(&transaction)?;
    transaction.commit()?;
    Ok(revoked)
}

fn remove(path: &Path) -> Result<(), RestoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RestoreError {
    RestoreError::Failed { path: PathBuf::from(path), source: source.into() }
}
