//! Internal errors: faults of this server other than store failures.

use std::error::Error;

/// The server cannot finish a request although the store works. For example, it cannot sign a token, a key is
/// missing, or a value does not fit into a response header. Retrying does not help. The log has the cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct InternalError {
    message: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl InternalError {
    /// `message`: lower case, without a full stop.
    pub const fn new(message: &'static str) -> Self {
        Self { message, source: None }
    }

    /// Like [`Self::new`], with the error that caused the fault.
    pub fn caused_by(message: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message, source: Some(source.into()) }
    }
}
