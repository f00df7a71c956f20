//! The configuration and the store, which all commands share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::World;
use countersign_core::session::{Presence, Revoked, RevokedReason};
use countersign_core::store::Store;
use serde_json::Value as Json;
use toml::Value;

use super::{Global, output};
use crate::config::{self, Config, Loaded, LogFormat, Overrides};
use crate::runtime::high_water::{self, HighWater};

/// The clock, the global options and the store of a command.
pub(super) struct Context {
    pub(super) world: World,
    global: Global,
    /// The store that the command opened, and the data directory.
    opened: Mutex<Option<(Arc<dyn Store>, PathBuf)>>,
}

impl Context {
    pub(super) const fn new(global: Global, world: World) -> Self {
        Self { world, global, opened: Mutex::new(None) }
    }

    pub(super) const fn wants_json(&self) -> bool {
        self.global.json
    }

    /// Prints one object: as JSON, or as a table of its members. `absent` stands for `null` there.
    pub(super) fn show(&self, object: &Json, absent: &str) {
        if self.wants_json() {
            output::json(object);
        } else {
            output::members(object, absent);
        }
    }

    /// Loads the configuration. The global options and the command's own `flags` override it.
    pub(super) fn load(&self, mut flags: Overrides) -> anyhow::Result<Loaded> {
        if let Some(directory) = &self.global.data_dir {
            flags.push(("data_dir", Value::String(directory.display().to_string())));
        }
        if let Some(format) = self.global.log_format {
            let name = if format == LogFormat::Json { "json" } else { "human" };
            flags.push(("log.format", Value::String(name.to_owned())));
        }
        Ok(config::load(&self.global.config, &config::environment(), flags)?)
    }

    /// Loads and checks the configuration, for a command that does not override it.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let config = self.load(Vec::new())?.config;
        config.check()?;
        Ok(config)
    }

    /// Opens the store. The server may be running.
    ///
    /// # Errors
    ///
    /// When the database does not exist, cannot be opened, or was replaced by an older copy.
    pub(super) async fn store(&self) -> anyhow::Result<(Config, Arc<dyn Store>)> {
        let config = self.config()?;
        let url = config.store_url()?;
        let is_new = url.file().is_some_and(|file| !file.exists());
        anyhow::ensure!(
            !is_new,
            "there is no database at {url}: set its directory with --data-dir, \
             or run `countersign migrate` to create it"
        );
        let store = countersign_store::open(&url).await?;
        HighWater::read(&config.data_dir)?.check(&*store).await?;
        let opened = (store.clone(), config.data_dir.clone());
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok((config, store))
    }

    /// Records the newest state of the store, which the next start compares (`high_water`).
    ///
    /// A failure does not fail the command: the next command or the server tries again.
    pub(super) async fn finish(&self) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((store, data_dir)) = opened {
            high_water::finish(&*store, &data_dir).await;
        }
    }

    /// The time and origin of a revocation by a command.
    pub(super) fn revoked(&self, reason: RevokedReason) -> Revoked {
        let by = Presence { at: self.world.now(), address: None, device: "the command line".to_owned() };
        Revoked { reason, by, presented: None }
    }
}
