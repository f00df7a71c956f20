//! Stores for Countersign behind the port of `countersign_core::store`.
//!
//! [`open`] opens the store that a [`StoreUrl`] names. `memory:` is the executable
//! specification: one contract test and random interleavings compare every other
//! store with it. `sqlite:PATH` is the default. No other crate names a database
//! engine, except in the configuration.

mod memory;
pub mod overlay;
mod sqlite;
mod url;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::World;
use countersign_core::store::{Answer, Store, StoreError};

pub use memory::MemoryStore;
pub use url::{StoreUrl, without_credentials};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL does not name a store of this release. Contains the URL without credentials.
    #[error(
        "unsupported database `{0}`: use `sqlite:PATH`, with a path such as `/data/countersign.db` and without parameters, \
         or `memory:` (data is lost on exit)"
    )]
    UnknownStore(String),
    /// A newer release has migrated the database.
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
    /// The database belongs to another program.
    #[error("the database {0} belongs to another program: name another file with `store.url` or --data-dir")]
    Foreign(PathBuf),
    /// Another user owns a file, for example root after a command of root.
    #[error(
        "cannot use {path}, which another user owns: run `chown --reference={directory} {path}` as root",
        path = .path.display(), directory = .directory.display()
    )]
    NotPermitted {
        path: PathBuf,
        /// The directory of the file. The owner of the directory should own the file.
        directory: PathBuf,
    },
    /// A restore is replacing the database.
    #[error("the database {0} is being restored: try again when `countersign restore` is done")]
    Restoring(String),
    /// The database cannot be opened, read or migrated.
    #[error("cannot open the database {path}: check that the directory exists, has space and can be written")]
    Database { path: String, source: Box<dyn std::error::Error + Send + Sync> },
}

/// Why a backup was not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The store is not in a file.
    #[error("only a database in a file can be restored")]
    NotAFile,
    /// The file is not a backup that `countersign backup` wrote.
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
    Failed { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many sessions of the backup were revoked.
    pub revoked: u64,
    /// The file that has the replaced database now. `None`: there was none.
    pub kept: Option<PathBuf>,
}

/// The schema of a database, and the migrations that opening it would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaStatus {
    /// The schema of the database. 0: there is none yet.
    pub found: u32,
    /// The newest schema that this release knows.
    pub known: u32,
    /// The names of the missing migrations, in order.
    pub pending: Vec<String>,
}

/// Settings of the engines, besides the URL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Settings of SQLite.
    pub sqlite: SqliteOptions,
}

/// Settings of SQLite.
#[derive(Debug, Clone, Copy)]
pub struct SqliteOptions {
    /// The most rotations that may wait in the log before they are written to the sessions' rows. Each takes
    /// about 200 bytes of memory. Default: 65,536.
    pub window: u32,
    /// The most sessions that stay in memory after a refresh. Each takes about a kilobyte. Default: 16,384.
    pub cached_sessions: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { window: 65_536, cached_sessions: 16_384 }
    }
}

/// Opens a store and brings its schema up to date.
///
/// # Errors
///
/// [`OpenError`], when a newer release or another program made the database, when another user owns its
/// files, when a restore is running, or when the database cannot be opened or migrated.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn Store>, OpenError> {
    open_with(url, Options::default()).await
}

/// As [`open`], with settings other than the defaults.
///
/// # Errors
///
/// As [`open`].
pub async fn open_with(url: &StoreUrl, options: Options) -> Result<Arc<dyn Store>, OpenError> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryStore::default())),
        StoreUrl::Sqlite(path) => {
            let file = path.clone();
            let open = move || sqlite::SqliteStore::open(&file, options.sqlite);
            Ok(Arc::new(off_the_runtime(path, open).await?))
        }
    }
}

/// What [`open`] would change in the schema of a database. Changes nothing itself.
///
/// # Errors
///
/// [`OpenError`], when a newer release or another program made the database, or when it cannot be read.
pub async fn schema_status(url: &StoreUrl) -> Result<SchemaStatus, OpenError> {
    match url {
        StoreUrl::Memory => Ok(SchemaStatus::default()),
        StoreUrl::Sqlite(path) => {
            let file = path.clone();
            off_the_runtime(path, move || sqlite::schema_status(&file)).await
        }
    }
}

/// Runs work that blocks on a thread for such work.
async fn off_the_runtime<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let failed = |source: tokio::task::JoinError| OpenError::Database {
        path: path.display().to_string(),
        source: source.into(),
    };
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

/// Writes a consistent copy of a database to the new file `to`. Servers and commands may use the database
/// meanwhile.
///
/// # Errors
///
/// When the store is not in a file, when `to` exists, or when the copy cannot be written.
pub async fn backup(url: &StoreUrl, to: &Path) -> Answer<()> {
    match url {
        StoreUrl::Memory => Err(StoreError::new("the store in memory keeps nothing that could be backed up")),
        StoreUrl::Sqlite(path) => sqlite::backup(path, to).await,
    }
}

/// Checks the structure of a database. Returns one message for each defect, in the engine's words.
///
/// # Errors
///
/// When the database cannot be read.
pub async fn diagnose(url: &StoreUrl) -> Answer<Vec<String>> {
    match url {
        StoreUrl::Memory => Ok(Vec::new()),
        StoreUrl::Sqlite(path) => sqlite::diagnose(path).await,
    }
}

/// Replaces a database by a backup, and revokes every session that was opened up to now. Whatever was revoked
/// or spent after the backup was made therefore stays invalid.
///
/// # Errors
///
/// [`RestoreError`], when the store is not in a file, when the backup is not one or is damaged, when the
/// database is in use, or when a file cannot be read or written.
pub fn restore(url: &StoreUrl, from: &Path, world: &World) -> Result<Restored, RestoreError> {
    match url {
        StoreUrl::Memory => Err(RestoreError::NotAFile),
        StoreUrl::Sqlite(path) => sqlite::restore(from, path, world),
    }
}

/// Gives a new file to the owner of its directory, so that the service can use what a command of root has
/// made. Does nothing if the process may not do that: only root may, and only root needs to.
pub fn give_to_owner_of_directory(path: &Path) {
    if let Some(owner) = path.parent().and_then(|directory| std::fs::metadata(directory).ok()) {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).ok();
    }
}
