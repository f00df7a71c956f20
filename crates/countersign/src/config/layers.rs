//! Putting the layers on top of each other, and remembering where each value came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::environment::{self, Environment};
use super::schema::{self, Key};
use super::{Config, secret_file};

/// What flags say, which is above everything else: dotted keys and their values.
pub type Overrides = Vec<(&'static str, Value)>;

/// A configuration, and where each of its values came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Where values came from, by dotted key. A key that is missing has its default.
    pub origins: BTreeMap<String, String>,
    /// The files that secrets were read from: their own, and configuration files that hold one.
    pub secret_files: BTreeSet<PathBuf>,
    /// Environment variables that begin as this server's do and are no settings.
    pub ignored: Vec<String>,
}

/// Why there is no configuration. It names the place and the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// A file is no TOML.
    #[error("{path} is not TOML: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
    /// Nothing has this name.
    #[error("{origin}: there is no key `{key}`{}", nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownKey {
        /// Where it stands.
        origin: String,
        /// The key.
        key: String,
        /// The known key that is nearest to it.
        nearest: Option<String>,
    },
    /// A value is not what its key takes.
    #[error("{origin}: `{key}`: {message}")]
    BadValue {
        /// Where it stands.
        origin: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
}

/// Keys whose values are paths.
const PATHS: [&str; 3] = ["data_dir", "tls.certificate", "tls.key"];

pub(super) struct Entry {
    value: Value,
    origin: String,
}

pub(super) struct Layers {
    pub(super) known: BTreeMap<String, Key>,
    entries: BTreeMap<String, Entry>,
    pub(super) secret_files: BTreeSet<PathBuf>,
    pub(super) ignored: Vec<String>,
}

/// Loads the configuration.
///
/// # Errors
///
/// [`ConfigError`], which names the place and the key.
pub fn load(files: &[PathBuf], environment: &Environment, flags: Overrides) -> Result<Loaded, ConfigError> {
    let mut layers = Layers {
        known: schema::keys(),
        entries: BTreeMap::new(),
        secret_files: BTreeSet::new(),
        ignored: Vec::new(),
    };
    for path in find_files(files, environment) {
        layers.add_file(&path)?;
    }
    environment::add(&mut layers, environment)?;
    for (key, value) in flags {
        layers.set(key, value, "a flag")?;
    }
    layers.finish()
}

/// `--config` above `COUNTERSIGN_CONFIG` above `./countersign.toml` above `/etc`.
fn find_files(named: &[PathBuf], environment: &Environment) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    if let Some(list) = environment::set(environment, "COUNTERSIGN_CONFIG") {
        return std::env::split_paths(list).collect();
    }
    let usual = ["./countersign.toml", "/etc/countersign/countersign.toml"].map(PathBuf::from);
    usual.into_iter().find(|path| path.exists()).into_iter().collect()
}

impl Layers {
    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read(path)?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The line itself may hold a secret, so its number has to do.
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or(&text).lines().count().max(1);
            let message = format!("line {line}: {}", error.message());
            ConfigError::Syntax { path: path.to_owned(), message }
        })?;
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        self.add_table(table, "", &path.display().to_string(), directory)
    }

    fn add_table(
        &mut self,
        table: Table,
        prefix: &str,
        origin: &str,
        directory: &Path,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            match value {
                Value::Table(inner) => {
                    self.check_section(&key, origin)?;
                    self.add_table(inner, &format!("{key}."), origin, directory)?;
                }
                // A file's paths are relative to the file, wherever the command is run.
                Value::String(path) if PATHS.contains(&key.as_str()) => {
                    let path = directory.join(path).display().to_string();
                    self.set(&key, Value::String(path), origin)?;
                }
                value => match self.secret_named_by(&key) {
                    Some(secret) => {
                        let file = value.as_str().map(|file| directory.join(file)).unwrap_or_default();
                        secret_file::set(self, &secret, &file, origin)?;
                    }
                    None => self.set(&key, value, origin)?,
                },
            }
        }
        Ok(())
    }

    /// An empty section sets nothing, but a misspelt one is a mistake all the same.
    fn check_section(&self, section: &str, origin: &str) -> Result<(), ConfigError> {
        let prefix = format!("{section}.");
        if self.known.keys().any(|key| key.starts_with(&prefix)) || self.known.contains_key(section) {
            return Ok(());
        }
        let nearest = self.nearest(section).map(|key| key.split('.').next().unwrap_or_default().to_owned());
        Err(ConfigError::UnknownKey { origin: origin.to_owned(), key: section.to_owned(), nearest })
    }

    /// The secret whose file `key` names: `master_key_file` names the file of `master_key`.
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

    fn finish(self) -> Result<Loaded, ConfigError> {
        let mut table = Table::new();
        for (key, entry) in &self.entries {
            insert(&mut table, key, entry.value.clone());
        }
        let config = Config::deserialize(Value::Table(table)).or_else(|_| self.find_culprit())?;
        let is_secret = |key: &&String| self.known.get(*key).is_some_and(|key| key.is_secret);
        let holding =
            self.entries.keys().filter(is_secret).map(|key| PathBuf::from(&self.entries[key].origin));
        let secret_files = self.secret_files.iter().cloned().chain(holding).filter(|path| path.is_file());
        let secret_files = secret_files.collect();
        let origins = self.entries.into_iter().map(|(key, entry)| (key, entry.origin)).collect();
        Ok(Loaded { config, origins, secret_files, ignored: self.ignored })
    }

    /// Tries each value alone, to say which one it is.
    fn find_culprit(&self) -> Result<Config, ConfigError> {
        for (key, entry) in &self.entries {
            let mut alone = Table::new();
            insert(&mut alone, key, entry.value.clone());
            if let Err(error) = Config::deserialize(Value::Table(alone)) {
                // What serde says quotes the value.
                let is_secret = self.known.get(key).is_some_and(|key| key.is_secret);
                let message = if is_secret { "a text in quotes is expected" } else { error.message() };
                let message = message.to_owned();
                return Err(ConfigError::BadValue {
                    origin: entry.origin.clone(),
                    key: key.clone(),
                    message,
                });
            }
        }
        Ok(Config::default())
    }
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Lifetime;
    use crate::config::environment::tests::from_environment;

    #[test]
    fn a_later_layer_wins_and_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("one.toml"), directory.path().join("two.toml"));
        std::fs::write(&one, "issuer = 'https://one.example'\nlisten = '127.0.0.1:1'\n").unwrap();
        std::fs::write(&two, "listen = '127.0.0.1:2'\n[access_token]\njitter = 7\n").unwrap();
        let environment =
            Environment::from([("COUNTERSIGN_ACCESS_TOKEN__JITTER".to_owned(), "9".to_owned())]);
        let flags = vec![("listen", Value::String("127.0.0.1:4".to_owned()))];
        let loaded = load(&[one.clone(), two], &environment, flags).unwrap();
        assert_eq!(loaded.config.issuer.as_deref(), Some("https://one.example"));
        assert_eq!(loaded.config.listen.port(), 4);
        assert_eq!(loaded.config.access_token.jitter, 9);
        assert_eq!(loaded.origins["issuer"], one.display().to_string());
        assert_eq!(loaded.origins["access_token.jitter"], "COUNTERSIGN_ACCESS_TOKEN__JITTER");
    }

    #[test]
    fn an_unknown_key_fails_with_the_nearest_known_one() {
        let error = from_environment(&[("COUNTERSIGN_REFRESH_TOKEN__GRASE", "10s")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "COUNTERSIGN_REFRESH_TOKEN__GRASE: there is no key `refresh_token.grase`; \
             did you mean `refresh_token.grace`?"
        );
    }

    #[test]
    fn an_empty_misspelt_section_fails_and_paths_are_relative_to_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.toml");
        std::fs::write(&file, "[acess_token]\n").unwrap();
        let error =
            load(std::slice::from_ref(&file), &Environment::new(), Vec::new()).unwrap_err().to_string();
        assert!(error.contains("there is no key `acess_token`; did you mean `access_token`?"), "{error}");
        std::fs::write(&file, "data_dir = 'data'\n").unwrap();
        let loaded = load(&[file], &Environment::new(), Vec::new()).unwrap();
        assert_eq!(loaded.config.data_dir, directory.path().join("data"));
    }

    #[test]
    fn a_bad_value_is_named_with_its_place() {
        let error = from_environment(&[("COUNTERSIGN_REFRESH_TOKEN__GRACE", "ten")]).unwrap_err().to_string();
        assert!(
            error.starts_with("COUNTERSIGN_REFRESH_TOKEN__GRACE: `refresh_token.grace`: `ten` is not"),
            "{error}"
        );
        let error =
            from_environment(&[("COUNTERSIGN_REGISTRATION__ENABLED", "yes")]).unwrap_err().to_string();
        assert!(error.contains("`true` or `false`"), "{error}");
    }

    #[test]
    fn durations_are_written_with_a_unit() {
        let loaded = from_environment(&[("COUNTERSIGN_ACCESS_TOKEN__LIFETIME", "30s")]).unwrap();
        assert_eq!(loaded.config.access_token.lifetime, Lifetime::seconds(30));
    }
}
