//! The errors of loading a configuration.

use std::path::PathBuf;

/// Why a configuration cannot be loaded. An `origin` is a file, an environment variable or `a flag`.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid TOML: {message}")]
    Syntax {
        path: PathBuf,
        /// The line and the error.
        message: String,
    },
    #[error(
        "{origin}: unknown key `{key}`{}",
        nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
    )]
    UnknownKey {
        origin: String,
        key: String,
        /// The closest match among the known keys, if one is similar enough.
        nearest: Option<String>,
    },
    #[error("{origin}: `{key}`: {message}")]
    BadValue {
        origin: String,
        key: String,
        /// What is wrong, or which values are valid.
        message: String,
    },
}

impl ConfigError {
    pub(super) fn bad_value(origin: &str, key: &str, message: impl Into<String>) -> Self {
        Self::BadValue { origin: origin.to_owned(), key: key.to_owned(), message: message.into() }
    }
}
