//! Values by dotted key, each with its origin. A later layer overrides an earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use toml::Value;

use super::error::ConfigError;
use super::schema::{self, Key};

/// A value and its origin.
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) origin: String,
}

pub(super) struct Layers {
    pub(super) known: BTreeMap<String, Key>,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) secret_files: BTreeSet<PathBuf>,
    pub(super) ignored: Vec<String>,
}

impl Layers {
    pub(super) fn new() -> Self {
        Self {
            known: schema::keys(),
            entries: BTreeMap::new(),
            secret_files: BTreeSet::new(),
            ignored: Vec::new(),
        }
    }

    /// Returns the secret that `key` sets from a file: `master_key` for the key `master_key_file`.
    pub(super) fn secret_named_by(&self, key: &str) -> Option<String> {
        let base = key.strip_suffix("_file")?;
        self.known.get(base).filter(|key| key.is_secret).map(|_| base.to_owned())
    }

    pub(super) fn set(&mut self, key: &str, value: Value, origin: &str) -> Result<(), ConfigError> {
        if !self.known.contains_key(key) {
            let nearest = self.nearest(key);
            return Err(ConfigError::UnknownKey { origin: origin.to_owned(), key: key.to_owned(), nearest });
        }
        self.entries.insert(key.to_owned(), Entry { value, origin: origin.to_owned() });
        Ok(())
    }

    pub(super) fn nearest(&self, key: &str) -> Option<String> {
        let likeness = |name: &&String| (strsim::jaro_winkler(key, name) * 1000.0).round();
        let nearest = self.known.keys().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
        (likeness(&nearest) >= 800.0).then(|| nearest.clone())
    }
}
