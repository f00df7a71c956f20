//! Stores for Countersign behind the port of `countersign_core::store`.
//!
//! [`open`] takes a URL and gives back a store. `memory:` is the executable
//! specification, which every other store is held against by one contract test
//! and by random interleavings; `sqlite:PATH` is the default. No other crate
//! names a back end.

mod memory;
mod sqlite;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::World;
use countersign_core::store::Store;

pub use memory::MemoryStore;

/// The store that forgets.
const MEMORY: &str = "memory:";

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL names no store that this release has.
    #[error(
        "unsupported database `{0}`: use `sqlite:PATH`, with a path such as `/data/countersign.db` and without parameters, \
         or `memory:` (data is lost on exit)"
    )]
    UnknownStore(String),
    /// A newer release has written this database.
    #[error(
        "the database has schema {found} and this release knows schema {known}: a newer release has written it; \
         run that release, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The database's schema.
        found: u32,
        /// The newest that this release knows.
        known: u32,
    },
    /// Another program made this database.
    #[error("the database {0} belongs to another program: name another file with `store.url` or --data-dir")]
    Foreign(PathBuf),
    /// Another user owns a file, such as root, who ran a command.
    #[error(
        "cannot use {path}, which another user owns: run `chown --reference={directory} {path}` as root",
        path = .path.display(), directory = .directory.display()
    )]
    NotPermitted {
        /// The file.
        path: PathBuf,
        /// Its directory, whose owner should own it.
        directory: PathBuf,
    },
    /// A restore is putting another database in its place.
    #[error("the database {0} is being restored: try again when `countersign restore` is done")]
    Restoring(String),
    /// The database cannot be opened, read or brought up to date.
    #[error("cannot open the database {path}: check that the directory exists, has space and can be written")]
    Database {
        /// Where it is.
        path: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a backup cannot be restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A store that is not a file.
    #[error("only a database in a file can be restored")]
    NotAFile,
    /// The file is not a backup of this product.
    #[error("{0} is not a backup: name a file that `countersign backup` wrote")]
    NotABackup(PathBuf),
    /// The backup is damaged.
    #[error("the backup {0} is damaged: use another one")]
    Damaged(PathBuf),
    /// Another process has the database open.
    #[error("the database {0} is in use: stop the server and other commands first")]
    InUse(PathBuf),
    /// The backup or the database cannot be opened, or the backup's schema cannot be brought up to date.
    #[error(transparent)]
    Open(OpenError),
    /// A file cannot be read or written.
    #[error("cannot read or write {path}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The sessions of the backup that were revoked.
    pub revoked: u64,
    /// Where the database that was replaced is kept, if there was one.
    pub kept: Option<PathBuf>,
}

/// What opening a database would do to its schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaStatus {
    /// The schema that the database has; 0 when it is new.
    pub found: u32,
    /// The schema that this release wants.
    pub known: u32,
    /// The names of the migrations between the two.
    pub pending: Vec<String>,
}

/// What a store can be given beside its URL.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Rotations that may wait to be folded into the sessions' rows, where a store has a journal. Each takes
    /// about 400 bytes of memory.
    pub journal: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { journal: 16_384 }
    }
}

/// Opens the store that `url` names, and brings its schema up to date. Call it inside a Tokio runtime.
///
/// # Errors
///
/// When there is no such store, or it cannot be opened.
pub fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    open_with(url, Options::default())
}

/// As [`open`], with other than the usual options.
///
/// # Errors
///
/// As [`open`].
pub fn open_with(url: &str, options: Options) -> Result<Arc<dyn Store>, OpenError> {
    match file_of(url) {
        _ if url == MEMORY => Ok(Arc::new(MemoryStore::default())),
        Some(path) => Ok(Arc::new(sqlite::SqliteStore::open(path, options.journal)?)),
        None => Err(OpenError::UnknownStore(without_credentials(url))),
    }
}

/// Puts a backup in the place of the database that `url` names, and revokes every session that was opened up to now,
/// so that nothing which was revoked or spent since the backup is valid again.
///
/// # Errors
///
/// When the backup is none, or the database is in use.
pub fn restore(url: &str, from: &Path, world: &World) -> Result<Restored, RestoreError> {
    file_of(url).ok_or(RestoreError::NotAFile).and_then(|path| sqlite::restore(from, path, world))
}

/// A URL as it may be shown: the path of a database in a file whole, and of anything else the scheme alone, because a
/// password can stand anywhere in it.
pub fn without_credentials(url: &str) -> String {
    if url == MEMORY || file_of(url).is_some() {
        return url.to_owned();
    }
    let is_scheme = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        Some((scheme, _)) => format!("{scheme}://(redacted)"),
        None => "(redacted)".to_owned(),
    }
}

/// Gives a new file to the owner of its directory, so that a command of root does not keep the service out. Only root
/// can do that, and only root has to.
pub fn give_to_owner_of_directory(path: &Path) {
    if let Some(owner) = path.parent().and_then(|directory| std::fs::metadata(directory).ok()) {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).ok();
    }
}

/// The file that a `sqlite:` URL names. `None`: it names something else, such as a host before the path, or has
/// parameters, which this release would take for a part of the file's name.
pub fn file_of(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:").filter(|path| !path.is_empty())?;
    let has_address = path.starts_with("//") && !path.starts_with("///");
    let is_plain = !path.contains(['?', '#']) && !path.starts_with("file:") && !path.ends_with('/');
    (!has_address && is_plain).then(|| Path::new(path))
}

/// What [`open`] would change in the schema of the store that `url` names; changes nothing itself.
///
/// # Errors
///
/// When there is no such store, or it cannot be read.
pub fn schema_status(url: &str) -> Result<SchemaStatus, OpenError> {
    match file_of(url) {
        _ if url == MEMORY => Ok(SchemaStatus::default()),
        Some(path) => sqlite::schema_status(path),
        None => Err(OpenError::UnknownStore(without_credentials(url))),
    }
}

#[cfg(test)]
mod tests {
    use super::{file_of, open, schema_status, without_credentials};

    // G1
    #[test]
    fn a_url_is_shown_without_its_credentials() {
        for (url, shown) in [
            ("sqlite:/data/a@b.db", "sqlite:/data/a@b.db"),
            ("sqlite:///data/a.db", "sqlite:///data/a.db"),
            ("memory:", "memory:"),
            ("memory:canary", "(redacted)"),
            ("postgres://jane:canary@db.example:5432/app", "postgres://(redacted)"),
            ("postgres://jane:canary#1@db.example/app", "postgres://(redacted)"),
            ("postgres://db.example/app;password=canary", "postgres://(redacted)"),
            ("postgres:jane:canary@db.example", "(redacted)"),
            ("jane:canary@db.example", "(redacted)"),
            ("host=db password=canary", "(redacted)"),
            ("sqlite://jane:canary@host/a.db", "sqlite://(redacted)"),
            ("sqlite:a.db?key=canary", "(redacted)"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn a_url_that_is_not_understood_names_no_file() {
        for url in ["sqlite:a.db", "sqlite:/data/a.db", "sqlite:///data/a.db", "sqlite:./a b.db"] {
            assert!(file_of(url).is_some(), "{url}");
        }
        for url in [
            "sqlite:",
            "sqlite://a.db",
            "sqlite:file:a.db",
            "sqlite:a.db?mode=ro",
            "sqlite:a.db#x",
            "sqlite:/data/",
            "a.db",
            "SQLITE:a.db",
            "file:a.db",
        ] {
            assert_eq!(file_of(url), None, "{url}");
            assert!(open(url).is_err() && schema_status(url).is_err(), "{url}");
        }
    }
}
