//! How far the database had come when this server last looked, in a file of the data directory.
//!
//! An older copy of a database, put in its place, would make revoked sessions
//! valid again, and nothing inside it tells. So a server writes down once a second
//! how far its database has come, and does not start over one that has gone back,
//! unless `countersign restore` put it there. Commands and a server that stops
//! write it down too. A copy of the whole directory brings the file along and
//! cannot be noticed.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use countersign_core::store::{Position, Store, StoreError};

/// How often the file is brought up to date.
const INTERVAL: Duration = Duration::from_secs(1);

/// The file, and what it says.
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
    /// When it cannot be read.
    pub fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let path = path_in(data_dir);
        let known = match std::fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).with_context(|| {
                format!("{0} is malformed: if the database was not put back, remove {0}", path.display())
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok(Self { path, known })
    }

    /// Refuses a database that has gone back.
    ///
    /// # Errors
    ///
    /// When it has, or cannot be asked.
    pub async fn check(&self, store: &dyn Store) -> anyhow::Result<()> {
        let (Some(position), Some(known)) = (store.position().await?, self.known) else { return Ok(()) };
        anyhow::ensure!(
            !position.is_not_after(&known),
            "the database is another one than this server last used, or an older copy of it, in which revoked sessions \
             are valid again. Run `countersign restore FILE`; FILE may be the database itself. If you mean to begin \
             with another database, remove {}",
            self.path.display()
        );
        Ok(())
    }

    /// Begins again with a store that was put back on purpose.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked or the file cannot be written.
    pub async fn begin_again(data_dir: &Path, store: &dyn Store) -> Result<(), UpdateError> {
        Self { path: path_in(data_dir), known: None }.update(store).await
    }

    /// Writes down how far the store has come, if that has changed.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked or the file cannot be written.
    pub async fn update(&mut self, store: &dyn Store) -> Result<(), UpdateError> {
        let Some(position) = store.position().await? else { return Ok(()) };
        if self.known == Some(position) {
            return Ok(());
        }
        // Another process may have written more since this one asked. Who begins again goes back on purpose.
        let is_written = self.known.is_some() && self.written().is_some_and(|it| position.is_not_after(&it));
        if !is_written {
            self.write(&position)?;
        }
        self.known = Some(position);
        Ok(())
    }

    /// What the file says now, if it can be read.
    fn written(&self) -> Option<Position> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Replaces the file in one step, so that it is never half written.
    fn write(&self, position: &Position) -> std::io::Result<()> {
        // A server and a command may write at once: each has its own new file.
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

/// Why it cannot be written down.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The store cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Brings the file up to date once more, when the process ends.
pub async fn finish(store: &dyn Store, data_dir: &Path) {
    let updated = match HighWater::read(data_dir) {
        Ok(mut file) => file.update(store).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = updated {
        tracing::warn!(error = &*error, "how far the database has come cannot be written down");
    }
}

/// Keeps the file up to date for as long as the process runs.
pub async fn run(store: &dyn Store, mut file: HighWater) {
    let mut is_failing = false;
    loop {
        let updated = file.update(store).await;
        if let (Err(error), false) = (&updated, is_failing) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "how far the database has come cannot be written down");
        }
        is_failing = updated.is_err();
        tokio::time::sleep(INTERVAL).await;
    }
}
