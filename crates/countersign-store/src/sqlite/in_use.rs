//! Who uses the database: any number of processes at once, or a restore alone.
//!
//! A lock on a file next to the database, shared by every process that has the
//! store open and taken alone by a restore. The system gives it back when a
//! process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// A share in the use of the database, or all of it; given back when dropped.
pub(super) struct InUse {
    _file: File,
}

impl InUse {
    /// Joins those who use the database. `None`: it is being restored.
    pub(super) fn share(database: &Path) -> io::Result<Option<Self>> {
        let file = open(database)?;
        taken(file.try_lock_shared()).map(|is_taken| is_taken.then_some(Self { _file: file }))
    }

    /// Takes it alone. `None`: another process uses it.
    pub(super) fn alone(database: &Path) -> io::Result<Option<Self>> {
        let file = open(database)?;
        taken(file.try_lock()).map(|is_taken| is_taken.then_some(Self { _file: file }))
    }
}

fn open(database: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(database.with_extension("in-use"))
}

fn taken(outcome: Result<(), TryLockError>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
