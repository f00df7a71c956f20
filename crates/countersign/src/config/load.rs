//! Loading: files, above them the environment, above it flags.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use toml::{Table, Value};

use super::environment::{self, Environment};
use super::error::ConfigError;
use super::layers::Layers;
use super::{Config, file};

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

/// Loads the configuration.
///
/// # Errors
///
/// [`ConfigError`], which names the place and the key.
pub fn load(files: &[PathBuf], environment: &Environment, flags: Overrides) -> Result<Loaded, ConfigError> {
    let mut layers = Layers::new();
    for path in find_files(files, environment) {
        file::add(&mut layers, &path)?;
    }
    environment::add(&mut layers, environment)?;
    for (key, value) in flags {
        layers.set(key, value, "a flag")?;
    }
    finish(layers)
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

fn finish(layers: Layers) -> Result<Loaded, ConfigError> {
    let mut table = Table::new();
    for (key, entry) in &layers.entries {
        insert(&mut table, key, entry.value.clone());
    }
    let config = Config::deserialize(Value::Table(table)).or_else(|_| find_culprit(&layers))?;
    let Layers { known, entries, mut secret_files, ignored } = layers;
    let secrets = entries.iter().filter(|(key, _)| known.get(*key).is_some_and(|key| key.is_secret));
    secret_files.extend(secrets.map(|(_, entry)| PathBuf::from(&entry.origin)));
    secret_files.retain(|path| path.is_file());
    let origins = entries.into_iter().map(|(key, entry)| (key, entry.origin)).collect();
    Ok(Loaded { config, origins, secret_files, ignored })
}

/// Tries each value alone, to name the one that is wrong.
fn find_culprit(layers: &Layers) -> Result<Config, ConfigError> {
    for (key, entry) in &layers.entries {
        let mut alone = Table::new();
        insert(&mut alone, key, entry.value.clone());
        if let Err(error) = Config::deserialize(Value::Table(alone)) {
            // Serde's message quotes the value, which may be a secret.
            let is_secret = layers.known.get(key).is_some_and(|key| key.is_secret);
            let message = if is_secret { "expected text in quotes" } else { error.message() };
            return Err(ConfigError::bad_value(&entry.origin, key, message));
        }
    }
    Ok(Config::default())
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
