//! The lock that separates processes that use the database from a restore.
//!
//! Every process that has the store open holds a shared lock on a file next to the
//! database. A restore holds an exclusive lock. The operating system releases a
//! lock when its process ends.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::lock_file;
use crate::OpenError;

/// A shared or exclusive lock, released when dropped.
pub(super) struct InUse {
    _file: File,
}

impl InUse {
    /// Takes the shared lock. `None`: the database is being restored.
    pub(super) fn share(database: &Path) -> Result<Option<Self>, OpenError> {
        let file = lock_file::open(database, EXTENSION)?;
        let is_taken = taken(database, file.try_lock_shared())?;
        Ok(is_taken.then_some(Self { _file: file }))
    }

    /// Takes the exclusive lock. `None`: another process uses the database.
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
