//! The URL of a store: which engine, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use countersign_core::Secret;

use crate::OpenError;

/// The URL of [`StoreUrl::Memory`].
const MEMORY: &str = "memory:";

/// The scheme of [`StoreUrl::Sqlite`].
const SQLITE: &str = "sqlite:";

/// Where a store is. `Display` shows the URL without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`. The data is lost when the store is dropped.
    Memory,
    /// `sqlite:PATH`: the database file.
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// Parses a URL. A `sqlite:` URL with a host or with parameters is rejected, because SQLite would take
    /// either for a part of the file's name.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownStore`], which contains the URL without credentials.
    pub fn parse(url: &Secret<String>) -> Result<Self, OpenError> {
        let url = url.expose();
        Self::read(url).ok_or_else(|| OpenError::UnknownStore(without_credentials(url)))
    }

    fn read(url: &str) -> Option<Self> {
        if url == MEMORY {
            return Some(Self::Memory);
        }
        let path = url.strip_prefix(SQLITE).filter(|path| !path.is_empty())?;
        let has_host = path.starts_with("//") && !path.starts_with("///");
        let is_plain = !path.contains(['?', '#']) && !path.starts_with("file:") && !path.ends_with('/');
        (!has_host && is_plain).then(|| Self::Sqlite(path.into()))
    }

    /// The file that the store is in. `None`: it is not in a file.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Sqlite(path) => Some(path),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str(MEMORY),
            Self::Sqlite(path) => write!(formatter, "{SQLITE}{}", path.display()),
        }
    }
}

/// The part of any URL that may be shown: all of a [`StoreUrl`], and only the scheme of any other URL,
/// because a password can be in every other part.
pub fn without_credentials(url: &str) -> String {
    if StoreUrl::read(url).is_some() {
        return url.to_owned();
    }
    let is_scheme = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        Some((scheme, _)) => format!("{scheme}://(redacted)"),
        None => "(redacted)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<StoreUrl, OpenError> {
        StoreUrl::parse(&Secret::new(url.to_owned()))
    }

    // G1
    #[test]
    fn a_url_is_shown_without_its_credentials() {
        for (url, shown) in [
            ("sqlite:/data/a@b.db", "sqlite:/data/a@b.db"),
            ("sqlite:///data/a.db", "sqlite:///data/a.db"),
            ("memory:", "memory:"),
            ("memory:canary", "(redacted)"),
            ("postgres://jane:canary@db.example:5432/app", "postgres://(redacted)"),
            ("postgres://jane:canary#1@db.example/app", "postgres://(redacted)"),
            ("postgres://db.example/app;password=canary", "postgres://(redacted)"),
            ("postgres:jane:canary@db.example", "(redacted)"),
            ("jane:canary@db.example", "(redacted)"),
            ("host=db password=canary", "(redacted)"),
            ("sqlite://jane:canary@host/a.db", "sqlite://(redacted)"),
            ("sqlite:a.db?key=canary", "(redacted)"),
        ] {
            assert_eq!(without_credentials(url), shown);
            match parse(url) {
                Ok(parsed) => assert_eq!(parsed.to_string(), shown),
                Err(error) => assert!(!error.to_string().contains("canary"), "{error}"),
            }
        }
    }

    #[test]
    fn a_sqlite_url_with_a_host_or_parameters_is_rejected() {
        for url in ["sqlite:a.db", "sqlite:/data/a.db", "sqlite:///data/a.db", "sqlite:./a b.db"] {
            let file = parse(url).unwrap().file().map(Path::to_owned);
            assert_eq!(file, Some(PathBuf::from(url.strip_prefix("sqlite:").unwrap())));
        }
        for url in [
            "",
            "memory:x",
            "sqlite:",
            "sqlite://a.db",
            "sqlite:file:a.db",
            "sqlite:a.db?mode=ro",
            "sqlite:a.db#x",
            "sqlite:/data/",
            "a.db",
            "SQLITE:a.db",
            "file:a.db",
            "postgres://localhost",
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.to_string().contains("use `sqlite:PATH`"), "{url}: {error}");
        }
    }
}
