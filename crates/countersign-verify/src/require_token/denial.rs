//! Why a request is not let through.

use crate::{BearerError, Refusal};

/// The reason of a denial, for the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// There is no `Authorization` header, or one of another scheme: 401 without an error code.
    #[error("the request has no access token")]
    NoToken,
    /// There is more than one `Authorization` header, and each reader might believe another: 400.
    #[error("the request has several authorization headers")]
    SeveralHeaders,
    /// The header holds no token: 400.
    #[error("the authorization header is malformed")]
    Malformed,
    /// 401, or 503 when nothing can be said of the token.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token does not permit what is asked: 403.
    #[error("the token lacks a scope")]
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
