//! Settings from the environment.
//!
//! `COUNTERSIGN_STORE__URL` sets the key `store.url`. An empty variable counts as unset. Other programs set variables
//! with the same prefix: Kubernetes for each service (`COUNTERSIGN_SERVICE_HOST`), and the `.env` file of a Compose
//! project (`COUNTERSIGN_VERSION`). The server ignores and reports them. A variable whose name is similar to a setting
//! is an error.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;
use super::schema::Kind;
use super::secret_file;

/// Environment variables, by name.
pub type Environment = BTreeMap<String, String>;

/// The process's environment. Names and values that are not UTF-8 are left out.
pub fn environment() -> Environment {
    #[expect(clippy::disallowed_methods, reason = "this is the only module that reads the environment")]
    let variables = std::env::vars_os();
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Returns the value of a variable that is set and not empty.
pub(super) fn set<'e>(environment: &'e Environment, name: &str) -> Option<&'e String> {
    environment.get(name).filter(|text| !text.is_empty())
}

/// Adds the settings of the environment.
pub(super) fn add(layers: &mut Layers, environment: &Environment) -> Result<(), ConfigError> {
    if let Some(url) = set(environment, "DATABASE_URL") {
        layers.set("store.url", Value::String(url.clone()), "DATABASE_URL")?;
    }
    if let Some(port) = set(environment, "PORT") {
        layers.set("listen", Value::String(format!("0.0.0.0:{port}")), "PORT")?;
    }
    for (name, text) in environment.iter().filter(|(_, text)| !text.is_empty()) {
        let Some(rest) = name.strip_prefix("COUNTERSIGN_").filter(|rest| *rest != "CONFIG") else {
            continue;
        };
        let key = rest.to_lowercase().replace("__", ".");
        if is_foreign(layers, rest, text, &key) {
            layers.ignored.push(name.clone());
            continue;
        }
        match layers.secret_named_by(&key) {
            Some(secret) => secret_file::set(layers, &secret, Path::new(text), name)?,
            None => {
                let value = parse(layers, &key, text, name)?;
                layers.set(&key, value, name)?;
            }
        }
    }
    Ok(())
}

/// Whether a variable belongs to another program. If its name has the form of a key in a section (`__`), or is similar
/// to a key, the variable is meant for this server.
fn is_foreign(layers: &Layers, name: &str, text: &str, key: &str) -> bool {
    let is_setting = layers.known.contains_key(key) || layers.secret_named_by(key).is_some();
    !is_setting && (is_service_link(name, text) || (!name.contains("__") && layers.nearest(key).is_none()))
}

/// Whether Kubernetes or Docker set a variable for a service: `…_SERVICE_HOST`, `…_SERVICE_PORT_HTTP`,
/// `…_PORT=tcp://10.0.0.7:3000`, `…_PORT_3000_TCP_ADDR`.
fn is_service_link(name: &str, text: &str) -> bool {
    let name = format!("_{name}");
    let is_port_of = |protocol: &str| {
        let (_, rest) = name.split_once("_PORT_").unwrap_or_default();
        rest.split_once(protocol).is_some_and(|(port, _)| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && text.contains("://"))
        || ["_TCP", "_UDP", "_SCTP"].into_iter().any(is_port_of)
}

/// Parses the text of a variable as the type of its key.
fn parse(layers: &Layers, key: &str, text: &str, origin: &str) -> Result<Value, ConfigError> {
    let bad = |message| ConfigError::bad_value(origin, key, message);
    match layers.known.get(key).map_or(Kind::Text, |key| key.kind) {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Integer => text.parse().map(Value::Integer).map_err(|_| bad("must be an integer")),
        Kind::Boolean => text.parse().map(Value::Boolean).map_err(|_| bad("must be `true` or `false`")),
        Kind::List => {
            let items = text.split([',', ' ', '\n']).map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Loaded, load};

    pub(crate) fn from_environment(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let environment =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty.toml");
        std::fs::write(&empty, "").unwrap();
        load(&[empty], &environment, Vec::new())
    }

    #[test]
    fn variables_of_other_programs_are_ignored_and_reported() {
        let foreign = [
            ("COUNTERSIGN_SERVICE_HOST", "10.0.0.7"),
            ("COUNTERSIGN_SERVICE_PORT", "3000"),
            ("COUNTERSIGN_SERVICE_PORT_HTTP", "3000"),
            ("COUNTERSIGN_PORT", "tcp://10.0.0.7:3000"),
            ("COUNTERSIGN_PORT_3000_TCP", "tcp://10.0.0.7:3000"),
            ("COUNTERSIGN_PORT_3000_TCP_ADDR", "10.0.0.7"),
            ("COUNTERSIGN_PORT_3000_TCP_PROTO", "tcp"),
            ("COUNTERSIGN_DB_PORT_5432_TCP_PORT", "5432"),
            ("COUNTERSIGN_DB_SERVICE_HOST", "10.0.0.8"),
            ("COUNTERSIGN_VERSION", "1.2"),
            ("COUNTERSIGN_IMAGE", "registry/countersign"),
            ("COUNTERSIGN_HOSTNAME", "id"),
        ];
        let loaded = from_environment(&foreign).unwrap();
        let mut names = foreign.map(|(name, _)| name.to_owned()).to_vec();
        names.sort();
        assert_eq!(loaded.ignored, names);
        assert!(loaded.origins.is_empty());
    }

    #[test]
    fn a_misspelt_setting_is_an_error() {
        for (name, meant) in [
            ("COUNTERSIGN_ISUER", "`issuer`"),
            ("COUNTERSIGN_LOG_FORMAT", "`log.format`"),
            ("COUNTERSIGN_STORE_URL", "`store.url`"),
            ("COUNTERSIGN_MASTERKEY", "`master_key`"),
            ("COUNTERSIGN_TRUSTED_PROXY", "`trusted_proxies`"),
            ("COUNTERSIGN_REGISTRATION__ENABLE", "`registration.enabled`"),
            ("COUNTERSIGN_SOMETHING__ELSE", "unknown key `something.else`"),
        ] {
            let error = from_environment(&[(name, "x")]).unwrap_err().to_string();
            assert!(error.contains(meant), "{name}: {error}");
        }
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let names = [
            "COUNTERSIGN_ISSUER",
            "COUNTERSIGN_LISTEN",
            "COUNTERSIGN_MASTER_KEY_FILE",
            "PORT",
            "DATABASE_URL",
        ];
        let loaded = from_environment(&names.map(|name| (name, ""))).unwrap();
        assert!(loaded.origins.is_empty() && loaded.ignored.is_empty());
    }

    #[test]
    fn a_list_may_contain_spaces_and_a_proxy_is_a_network_or_an_address() {
        for text in [
            "10.0.0.0/8,192.0.2.1",
            "10.0.0.0/8, 192.0.2.1",
            "10.0.0.0/8 192.0.2.1\n",
            " 10.0.0.0/8 ,, 192.0.2.1 ",
        ] {
            let loaded = from_environment(&[("COUNTERSIGN_TRUSTED_PROXIES", text)]).unwrap();
            let proxies: Vec<_> = loaded.config.trusted_proxies.iter().map(ToString::to_string).collect();
            assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.1/32"], "{text:?}");
        }
        let error =
            from_environment(&[("COUNTERSIGN_TRUSTED_PROXIES", "proxy.internal")]).unwrap_err().to_string();
        assert!(error.contains("`proxy.internal` is not an address or a network"), "{error}");
    }

    #[test]
    fn the_variables_that_platforms_usually_set_are_accepted() {
        let loaded = from_environment(&[("PORT", "8080"), ("DATABASE_URL", "sqlite:/data/a.db")]).unwrap();
        assert_eq!(loaded.config.listen.to_string(), "0.0.0.0:8080");
        assert_eq!(loaded.config.store.url.unwrap().expose(), "sqlite:/data/a.db");
    }

    #[test]
    fn a_secret_can_come_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("key"), "a secret\n").unwrap();
        std::fs::write(directory.path().join("c.toml"), "master_key_file = 'key'\n").unwrap();
        let loaded = load(&[directory.path().join("c.toml")], &Environment::new(), Vec::new()).unwrap();
        assert_eq!(loaded.config.master_key.unwrap().expose(), "a secret");
        let file = directory.path().join("key").display().to_string();
        let loaded = from_environment(&[("COUNTERSIGN_LEGACY__REFRESH_SECRET_FILE", &file)]).unwrap();
        assert_eq!(loaded.config.legacy.refresh_secret.unwrap().expose(), "a secret");
    }
}
