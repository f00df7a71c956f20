//! The locations of the database and of the master key, and the permissions of files with secrets.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_core::{Secret, ServerKeys};
use countersign_store::{OpenError, Options, SqliteOptions, StoreUrl};

use super::{Config, Loaded, StoreConfig};

impl Loaded {
    /// Returns the files with secrets (keys, and configuration files with a secret) that other users than their owner
    /// can access.
    pub fn exposed_files(&self) -> Vec<PathBuf> {
        let own = [self.config.master_key_path()];
        let files = self.secret_files.iter().chain(self.config.tls.key.iter()).chain(&own);
        let exposed: BTreeSet<_> = files.filter(|file| is_exposed(file)).cloned().collect();
        exposed.into_iter().collect()
    }
}

/// Whether the permissions of a file give its group or other users any access.
fn is_exposed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

impl Config {
    /// The URL of the store: the configured one, or else `countersign.db` in the data directory.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownStore`], when this release has no such store.
    pub fn store_url(&self) -> Result<StoreUrl, OpenError> {
        let in_directory = || format!("sqlite:{}", self.data_dir.join("countersign.db").display());
        StoreUrl::parse(&self.store.url.clone().unwrap_or_else(|| Secret::new(in_directory())))
    }

    /// The settings of the store's engine.
    pub const fn store_options(&self) -> Options {
        let StoreConfig { window, cached_sessions, .. } = self.store;
        Options { sqlite: SqliteOptions { window, cached_sessions } }
    }

    /// The file in the data directory to which `init` and `--dev` write the master key.
    pub fn master_key_path(&self) -> PathBuf {
        self.data_dir.join("master-key")
    }

    /// Derives the server's keys from the configured master key, or else from the one in the data directory.
    ///
    /// # Errors
    ///
    /// If there is no master key, or if it is malformed.
    pub fn server_keys(&self) -> anyhow::Result<ServerKeys> {
        if let Some(text) = &self.master_key {
            return ServerKeys::parse(text).context("`master_key` is invalid");
        }
        let path = self.master_key_path();
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "there is no master key at {}: run `countersign init`, or set `master_key_file`",
                path.display()
            )
        })?;
        ServerKeys::parse(&Secret::new(text))
            .with_context(|| format!("the master key in {} is invalid", path.display()))
    }
}
