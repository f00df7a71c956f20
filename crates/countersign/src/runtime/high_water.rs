//! Detects a database that was replaced by an older copy, with the file `high-water` in the data directory.
//!
//! If an older copy replaces the database, revoked sessions become valid again, and the database itself has no sign of
//! it. So the server writes the position of the database (numbers that only grow) to a file once a second. It does not
//! start with a database whose position is older than the file, unless `countersign restore` replaced the database.
//! Commands, and a server that stops, update the file too. The server cannot detect that the whole data directory was
//! replaced, because the copy includes the file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use countersign_core::store::{Position, Store, StoreError};

/// How often the server updates the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// The file, and the position that was last read from it or written to it.
#[derive(Debug, Clone)]
pub struct HighWater {
    path: PathBuf,
    known: Option<Position>,
}

impl HighWater {
    /// Reads the file in the data directory, if there is one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is malformed.
    pub fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let path = path_in(data_dir);
        let known = match std::fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).with_context(|| {
                format!("{0} is malformed: if the database was not replaced, remove {0}", path.display())
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok(Self { path, known })
    }

    /// Checks that the database is the one in the file and not an older copy.
    ///
    /// # Errors
    ///
    /// If the database is another one or an older copy, or if the store fails.
    pub async fn check(&self, store: &dyn Store) -> anyhow::Result<()> {
        let (Some(position), Some(known)) = (store.position().await?, self.known) else { return Ok(()) };
        anyhow::ensure!(
            !position.is_not_after(&known),
            "the database is not the one that this server last used, or is an older copy in which revoked sessions are \
             valid again. Run `countersign restore FILE`; FILE may be the database itself. If you want to start with \
             another database, remove {}",
            self.path.display()
        );
        Ok(())
    }

    /// Overwrites the file with the position of a restored database, even if this position is older.
    ///
    /// # Errors
    ///
    /// If the store fails, or if the file cannot be written.
    pub async fn reset(data_dir: &Path, store: &dyn Store) -> Result<(), UpdateError> {
        Self { path: path_in(data_dir), known: None }.update(store).await
    }

    /// Writes the position of the store to the file if it has changed.
    ///
    /// # Errors
    ///
    /// If the store fails, or if the file cannot be written.
    pub async fn update(&mut self, store: &dyn Store) -> Result<(), UpdateError> {
        let Some(position) = store.position().await? else { return Ok(()) };
        if self.known == Some(position) {
            return Ok(());
        }
        // Another process may have written a later position in the meantime. `reset` overwrites it on purpose.
        let is_written = self.known.is_some() && self.written().is_some_and(|it| position.is_not_after(&it));
        if !is_written {
            self.write(&position)?;
        }
        self.known = Some(position);
        Ok(())
    }

    /// The position in the file now; `None` if the file cannot be read.
    fn written(&self) -> Option<Position> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Replaces the file atomically.
    fn write(&self, position: &Position) -> std::io::Result<()> {
        // A server and a command may write at the same time, so each process writes a separate new file.
        let new = self.path.with_extension(format!("new-{}", std::process::id()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(position)?)?;
        file.sync_data()?;
        countersign_store::give_to_owner_of_directory(&new);
        std::fs::rename(new, &self.path)
    }
}

fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("high-water")
}

/// Why the file could not be updated.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Updates the file a last time when the process ends. A failure is logged.
pub async fn finish(store: &dyn Store, data_dir: &Path) {
    let updated = match HighWater::read(data_dir) {
        Ok(mut file) => file.update(store).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = updated {
        tracing::warn!(error = &*error, "the high-water file of the database cannot be written");
    }
}

/// Updates the file once a second. The first failure of several in a row is logged.
pub async fn run(store: &dyn Store, mut file: HighWater) {
    let mut is_failing = false;
    loop {
        let updated = file.update(store).await;
        if let (Err(error), false) = (&updated, is_failing) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the high-water file of the database cannot be written");
        }
        is_failing = updated.is_err();
        tokio::time::sleep(INTERVAL).await;
    }
}
