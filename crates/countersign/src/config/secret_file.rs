//! Secrets that are read from files.

use std::path::Path;

use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// Sets a secret to the content of a file, without leading and trailing whitespace.
pub(super) fn set(layers: &mut Layers, secret: &str, file: &Path, origin: &str) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let hint = if secret == "master_key" { "; `countersign init` generates a master key" } else { "" };
        ConfigError::bad_value(origin, secret, format!("cannot read {}: {error}{hint}", name_of(file)))
    })?;
    layers.secret_files.insert(file.to_owned());
    layers.set(secret, Value::String(text.trim().to_owned()), &format!("{} ({origin})", file.display()))
}

/// Returns the name of a file for an error. The name is hidden if it could be the secret, set here by mistake.
fn name_of(file: &Path) -> String {
    /// Every secret that this server generates or accepts has more characters.
    const SHORT: usize = 16;
    let name = file.display().to_string();
    if name.len() < SHORT || name.contains(['/', '\\', '.']) {
        name
    } else {
        "the file (its name is hidden, because it looks like a secret: set the path of a file)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, load};

    // G1
    #[test]
    fn an_error_does_not_contain_a_secret_that_was_set_as_a_file_name() {
        let error_of = |file: &str| {
            let variable = ("COUNTERSIGN_MASTER_KEY_FILE".to_owned(), file.to_owned());
            load(&[], &Environment::from([variable]), Vec::new()).unwrap_err().to_string()
        };
        let secret = "Zk3vS9yQm1xT7bRw8LpN2cHf5JdGa0UeXoKiVtYqWsM";
        let error = error_of(secret);
        assert!(!error.contains(secret) && error.contains("looks like a secret"), "{error}");
        let error = error_of("keys/none");
        assert!(error.contains("cannot read keys/none"), "{error}");
    }
}
