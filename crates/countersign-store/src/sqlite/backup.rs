//! Writing a backup, so that a file with the backup's name is always complete.
//!
//! The copy is written to `FILE.partial` and renamed when it is complete and durable. A backup that fails
//! leaves no file. A backup whose process is killed leaves `FILE.partial`.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::connection;

/// Copies the database to the new file `path`.
pub(super) fn write(
    database: &Connection,
    path: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let partial = partial(path);
    // An earlier backup may have been killed.
    std::fs::remove_file(&partial).ok();
    connection::copy_to(database, &partial)?;
    publish(&partial, path).inspect_err(|_| drop(std::fs::remove_file(&partial)))?;
    Ok(())
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Renames the copy. Fails if a file with the new name exists.
fn publish(partial: &Path, path: &Path) -> std::io::Result<()> {
    File::open(partial)?.sync_all()?;
    match std::fs::hard_link(partial, path) {
        Ok(()) => std::fs::remove_file(partial)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        // A file system without hard links.
        Err(_) if path.exists() => return Err(Error::from(ErrorKind::AlreadyExists)),
        Err(_) => std::fs::rename(partial, path)?,
    }
    File::open(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()
}
