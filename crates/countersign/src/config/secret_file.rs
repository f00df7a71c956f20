//! Secrets that a file holds.

use std::path::Path;

use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// Sets a secret to what its file holds.
pub(super) fn set(layers: &mut Layers, secret: &str, file: &Path, origin: &str) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let hint = if secret == "master_key" { "; `countersign init` makes a master key" } else { "" };
        ConfigError::bad_value(origin, secret, format!("cannot read {}: {error}{hint}", name_of(file)))
    })?;
    layers.secret_files.insert(file.to_owned());
    layers.set(secret, Value::String(text.trim().to_owned()), &format!("{} ({origin})", file.display()))
}

/// A file as an error names it. A name that could be the secret itself, set by mistake, is not repeated.
fn name_of(file: &Path) -> String {
    /// The shortest secret that this server generates or accepts has more characters.
    const SHORT: usize = 16;
    let name = file.display().to_string();
    if name.len() < SHORT || name.contains(['/', '\\', '.']) {
        name
    } else {
        "the file (its name is not shown, because it looks like a secret: give the path of a file)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, load};

    // G1
    #[test]
    fn a_secret_in_the_place_of_its_files_name_is_not_repeated() {
        let told = |file: &str| {
            let variable = ("COUNTERSIGN_MASTER_KEY_FILE".to_owned(), file.to_owned());
            load(&[], &Environment::from([variable]), Vec::new()).unwrap_err().to_string()
        };
        let secret = "Zk3vS9yQm1xT7bRw8LpN2cHf5JdGa0UeXoKiVtYqWsM";
        let error = told(secret);
        assert!(!error.contains(secret) && error.contains("looks like a secret"), "{error}");
        let error = told("keys/none");
        assert!(error.contains("cannot read keys/none"), "{error}");
    }
}
