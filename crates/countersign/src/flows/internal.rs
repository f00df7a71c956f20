//! Faults of this server that are not its store's.

use std::error::Error;

/// The server cannot finish a request although the store works: a token cannot be signed, a key is gone, or a response
/// does not fit into its headers. Retrying does not help; the log has the cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct InternalError {
    message: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl InternalError {
    /// A fault in words.
    pub const fn new(message: &'static str) -> Self {
        Self { message, source: None }
    }

    /// A fault in words, and its cause.
    pub fn caused_by(message: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message, source: Some(source.into()) }
    }
}
