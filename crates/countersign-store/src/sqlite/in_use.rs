//! Who uses the database: any number of processes at once, or a restore alone.
//!
//! A lock on a file next to the database, shared by every process that has the
//! store open and taken alone by a restore. The system gives it back when a
//! process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
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

/// Opens the file, or makes it for the owner of its directory.
fn open(database: &Path) -> io::Result<File> {
    let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let path = database.with_extension("in-use");
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map_err(named),
    }
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(&path).map_err(named)?;
    crate::give_to_owner_of_directory(&path);
    Ok(file)
}

fn taken(outcome: Result<(), TryLockError>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
