//! Settings from a TOML file.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::ConfigError;
use super::layers::Layers;
use super::secret_file;

/// Keys whose values are paths.
const PATHS: [&str; 3] = ["data_dir", "tls.certificate", "tls.key"];

/// A file whose settings are being added.
struct File<'a> {
    layers: &'a mut Layers,
    origin: String,
    /// The directory of the file. Relative paths in the file are relative to it, not to the working directory.
    directory: PathBuf,
}

/// Adds the settings of a file.
pub(super) fn add(layers: &mut Layers, path: &Path) -> Result<(), ConfigError> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        // The error has the number of the line, not its text, because the line may contain a secret.
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or(&text).lines().count().max(1);
        let message = format!("line {line}: {}", error.message());
        ConfigError::Syntax { path: path.to_owned(), message }
    })?;
    let directory = path.parent().unwrap_or_else(|| Path::new(".")).to_owned();
    File { layers, origin: path.display().to_string(), directory }.add_table(table, "")
}

impl File<'_> {
    fn add_table(&mut self, table: Table, prefix: &str) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            match value {
                Value::Table(inner) => {
                    self.check_section(&key)?;
                    self.add_table(inner, &format!("{key}."))?;
                }
                Value::String(path) if PATHS.contains(&key.as_str()) => {
                    let path = self.directory.join(path).display().to_string();
                    self.layers.set(&key, Value::String(path), &self.origin)?;
                }
                value => match self.layers.secret_named_by(&key) {
                    Some(secret) => {
                        let file = value.as_str().map(|file| self.directory.join(file)).unwrap_or_default();
                        secret_file::set(self.layers, &secret, &file, &self.origin)?;
                    }
                    None => self.layers.set(&key, value, &self.origin)?,
                },
            }
        }
        Ok(())
    }

    /// Rejects an unknown section, even if it is empty.
    fn check_section(&self, section: &str) -> Result<(), ConfigError> {
        let known = &self.layers.known;
        let prefix = format!("{section}.");
        if known.keys().any(|key| key.starts_with(&prefix)) || known.contains_key(section) {
            return Ok(());
        }
        let nearest = self.layers.nearest(section);
        let nearest = nearest.map(|key| key.split('.').next().unwrap_or_default().to_owned());
        Err(ConfigError::UnknownKey { origin: self.origin.clone(), key: section.to_owned(), nearest })
    }
}
