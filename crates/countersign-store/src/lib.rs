//! Stores for Countersign behind the port of `countersign_core::store`.
//!
//! [`open`] takes a URL and gives back a store. `memory:` is the executable
//! specification, which every other store is held against by one contract test
//! and by random interleavings; `sqlite:PATH` is the default. No other crate
//! names a back end.

mod memory;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

use countersign_core::store::Store;

pub use memory::MemoryStore;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL names no store that this release has.
    #[error("`{0}` is no store: write `sqlite:PATH`, or `memory:` for one that forgets")]
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
    /// The database cannot be opened, read or brought up to date.
    #[error("cannot open the database {path}: check that the directory exists, has space and can be written")]
    Database {
        /// Where it is.
        path: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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
    match url.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(MemoryStore::default())),
        Some(("sqlite", path)) if !path.is_empty() => {
            Ok(Arc::new(sqlite::SqliteStore::open(Path::new(path), options.journal)?))
        }
        _ => Err(OpenError::UnknownStore(url.to_owned())),
    }
}

/// What [`open`] would change in the schema of the store that `url` names; changes nothing itself.
///
/// # Errors
///
/// When there is no such store, or it cannot be read.
pub fn schema_status(url: &str) -> Result<SchemaStatus, OpenError> {
    match url.split_once(':') {
        Some(("memory", "")) => Ok(SchemaStatus::default()),
        Some(("sqlite", path)) if !path.is_empty() => sqlite::schema_status(Path::new(path)),
        _ => Err(OpenError::UnknownStore(url.to_owned())),
    }
}
