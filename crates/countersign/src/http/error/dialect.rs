//! The form in which the failures of a route are told.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Failure, Message, OAuth, Problem, of_status};

/// The form in which the failures of a route are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `{"message": …}`, also for routes without a form of their own.
    Tutorial,
    /// RFC 9457.
    Problem,
    /// RFC 6749 §5.2.
    OAuth,
}

impl Dialect {
    fn tell(self, failure: Failure) -> Response {
        match self {
            Self::Tutorial => Message(failure).into_response(),
            Self::Problem => Problem(failure).into_response(),
            Self::OAuth => OAuth(failure).into_response(),
        }
    }

    /// Gives an error response that has no body one: the router and the layers around it set a status alone.
    pub(crate) fn complete(self, response: Response) -> Response {
        let status = response.status();
        let has_body = response.headers().contains_key(header::CONTENT_TYPE);
        if has_body || !(status.is_client_error() || status.is_server_error()) {
            return response;
        }
        let mut framed = self.tell(of_status(status));
        let (parts, _) = response.into_parts();
        let kept = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        framed.headers_mut().extend(kept.filter(|(name, _)| *name != header::CONTENT_LENGTH));
        framed
    }
}
