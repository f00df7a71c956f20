//! The reasons why a request is denied.

use crate::{BearerError, Refusal};

/// Why a request was denied. It is for the log: the response contains only the status and a fixed text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// There is no `Authorization` header, or it has another scheme. The response is 401 without an error
    /// code.
    #[error("the request has no access token")]
    NoToken,
    /// There is more than one `Authorization` header, so a proxy and the API might use different ones. The
    /// response is 400.
    #[error("the request has several authorization headers")]
    SeveralHeaders,
    /// The header has no well-formed token. The response is 400.
    #[error("the authorization header is malformed")]
    Malformed,
    /// The token was rejected. The response is 401, or 503 if the token cannot be checked at the moment.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token does not have all required scopes. The response is 403.
    #[error("the token lacks a required scope")]
    Scope,
}

impl From<BearerError> for Denial {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::OtherScheme => Self::NoToken,
            BearerError::Malformed => Self::Malformed,
        }
    }
}
