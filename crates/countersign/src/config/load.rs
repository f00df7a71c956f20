//! Loads the configuration: the environment overrides files, and flags override both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use toml::{Table, Value};

use super::environment::{self, Environment};
use super::error::ConfigError;
use super::layers::Layers;
use super::{Config, file};

/// The settings of flags, which override all others: dotted keys and their values.
pub type Overrides = Vec<(&'static str, Value)>;

/// A configuration and the origin of each of its values.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// The origins of values, by dotted key. A key without an origin has its default.
    pub origins: BTreeMap<String, String>,
    /// The files that contain secrets: files of one secret, and configuration files.
    pub secret_files: BTreeSet<PathBuf>,
    /// Environment variables with the prefix `COUNTERSIGN_` that are not settings.
    pub ignored: Vec<String>,
}

/// Loads the configuration from `files`, or from the default files if `files` is empty.
///
/// # Errors
///
/// If a file cannot be read or parsed, or for the first unknown key or invalid value. The error has the origin and the
/// key.
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

/// Returns the first that exists: the files of `--config`, those of `COUNTERSIGN_CONFIG`, `./countersign.toml`, or
/// `/etc/countersign/countersign.toml`.
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
    let config = Config::deserialize(Value::Table(table)).or_else(|_| find_invalid_value(&layers))?;
    let Layers { known, entries, mut secret_files, ignored } = layers;
    let secrets = entries.iter().filter(|(key, _)| known.get(*key).is_some_and(|key| key.is_secret));
    secret_files.extend(secrets.map(|(_, entry)| PathBuf::from(&entry.origin)));
    secret_files.retain(|path| path.is_file());
    let origins = entries.into_iter().map(|(key, entry)| (key, entry.origin)).collect();
    Ok(Loaded { config, origins, secret_files, ignored })
}

/// Deserializes each value alone, to find the invalid one.
fn find_invalid_value(layers: &Layers) -> Result<Config, ConfigError> {
    for (key, entry) in &layers.entries {
        let mut alone = Table::new();
        insert(&mut alone, key, entry.value.clone());
        if let Err(error) = Config::deserialize(Value::Table(alone)) {
            // Serde's message quotes the value, which may be a secret.
            let is_secret = layers.known.get(key).is_some_and(|key| key.is_secret);
            let message = if is_secret { "must be a string in quotes" } else { error.message() };
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
    fn a_later_layer_overrides_an_earlier_one_and_is_the_origin() {
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
    fn the_error_of_an_unknown_key_suggests_the_closest_match() {
        let error = from_environment(&[("COUNTERSIGN_REFRESH_TOKEN__GRASE", "10s")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "COUNTERSIGN_REFRESH_TOKEN__GRASE: unknown key `refresh_token.grase`; \
             did you mean `refresh_token.grace`?"
        );
    }

    #[test]
    fn an_empty_misspelt_section_is_an_error_and_paths_are_relative_to_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.toml");
        std::fs::write(&file, "[acess_token]\n").unwrap();
        let error =
            load(std::slice::from_ref(&file), &Environment::new(), Vec::new()).unwrap_err().to_string();
        assert!(error.contains("unknown key `acess_token`; did you mean `access_token`?"), "{error}");
        std::fs::write(&file, "data_dir = 'data'\n").unwrap();
        let loaded = load(&[file], &Environment::new(), Vec::new()).unwrap();
        assert_eq!(loaded.config.data_dir, directory.path().join("data"));
    }

    #[test]
    fn the_error_of_an_invalid_value_has_its_origin_and_key() {
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
