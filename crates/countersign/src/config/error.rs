//! Why a configuration cannot be loaded.

use std::path::PathBuf;

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

impl ConfigError {
    /// A value that its key does not accept.
    pub(super) fn bad_value(origin: &str, key: &str, message: impl Into<String>) -> Self {
        Self::BadValue { origin: origin.to_owned(), key: key.to_owned(), message: message.into() }
    }
}
