//! Lock files next to the database, and files that another user owns.
//!
//! A lock needs no permission to write. An existing lock file is therefore opened for reading, because a
//! command of root may have created it. If a file cannot be used, the error names it and the command that
//! repairs it.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::OpenError;

/// Opens the lock file with this extension, or creates it for the owner of its directory.
pub(super) fn open(database: &Path, extension: &str) -> Result<File, OpenError> {
    let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let path = database.with_extension(extension);
    match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return opened.map_err(|source| failed(&path, source)),
    }
    let mut options = OpenOptions::new();
    let made = options.create(true).append(true).mode(0o600).open(&path);
    let file = made.map_err(|source| failed(&path, source))?;
    crate::give_to_owner_of_directory(&path);
    Ok(file)
}

/// Fails if another user owns a file of the database.
pub(super) fn check_permitted(database: &Path) -> Result<(), OpenError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        let path = PathBuf::from(name);
        match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(failed(&path, error)),
            // SQLite creates the file, or reports the error in more detail.
            _ => {}
        }
    }
    Ok(())
}

/// The error for a file that cannot be opened. If the file does not exist, its directory is the cause.
pub(super) fn failed(path: &Path, source: std::io::Error) -> OpenError {
    if source.kind() == ErrorKind::PermissionDenied && path.exists() {
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return OpenError::NotPermitted { path: path.to_owned(), directory: directory.to_owned() };
    }
    OpenError::Database { path: path.display().to_string(), source: source.into() }
}
