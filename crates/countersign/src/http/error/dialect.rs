//! The response format of a route's failures.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Failure, Message, OAuth, Problem, of_status};

/// The response format of a route's failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `{"message": …}`, also for all routes outside `/v1` and `/oauth2`.
    Tutorial,
    /// RFC 9457.
    Problem,
    /// RFC 6749 §5.2.
    OAuth,
}

impl Dialect {
    fn response_to(self, failure: Failure) -> Response {
        match self {
            Self::Tutorial => Message(failure).into_response(),
            Self::Problem => Problem(failure).into_response(),
            Self::OAuth => OAuth(failure).into_response(),
        }
    }

    /// Adds a body to an error response without one. The router and the layers around it only set a status.
    pub(crate) fn complete(self, response: Response) -> Response {
        let status = response.status();
        let has_body = response.headers().contains_key(header::CONTENT_TYPE);
        if has_body || !(status.is_client_error() || status.is_server_error()) {
            return response;
        }
        let mut framed = self.response_to(of_status(status));
        let (parts, _) = response.into_parts();
        let kept = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        framed.headers_mut().extend(kept.filter(|(name, _)| *name != header::CONTENT_LENGTH));
        framed
    }
}
