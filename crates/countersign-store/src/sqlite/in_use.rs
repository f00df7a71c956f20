//! Who uses the database: any number of processes at once, or a restore alone.
//!
//! A lock on a file next to the database, shared by every process that has the
//! store open and taken alone by a restore. The system gives it back when a
//! process ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::lock_file;
use crate::OpenError;

/// A share in the use of the database, or all of it; given back when dropped.
pub(super) struct InUse {
    _file: File,
}

impl InUse {
    /// Joins those who use the database. `None`: it is being restored.
    pub(super) fn share(database: &Path) -> Result<Option<Self>, OpenError> {
        let file = lock_file::open(database, EXTENSION)?;
        let is_taken = taken(database, file.try_lock_shared())?;
        Ok(is_taken.then_some(Self { _file: file }))
    }

    /// Takes it alone. `None`: another process uses it.
    pub(super) fn alone(database: &Path) -> Result<Option<Self>, OpenError> {
        let file = lock_file::open(database, EXTENSION)?;
        let is_taken = taken(database, file.try_lock())?;
        Ok(is_taken.then_some(Self { _file: file }))
    }
}

const EXTENSION: &str = "in-use";

fn taken(database: &Path, outcome: Result<(), TryLockError>) -> Result<bool, OpenError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(lock_file::failed(&database.with_extension(EXTENSION), error)),
    }
}
