//! Failed requests. Only this module maps an error to a status, a code and a text.
//!
//! The [`Dialect`] of the route determines the format of the response: [`tutorial`]'s
//! `{"message"}`, [`problem`] details (RFC 9457) with a stable `code`, or [`oauth`]'s
//! `error` (RFC 6749 §5.2). Only the log says which check rejected a token.

mod dialect;
mod flows;
mod oauth;
mod problem;
mod tutorial;

use std::any::Any;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(super) use dialect::Dialect;
pub(super) use oauth::OAuth;
pub(super) use problem::Problem;
pub(super) use tutorial::Message;

/// The status, code and text of a failed request.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// For programs. A code never changes.
    pub(super) code: &'static str,
    /// For people: what happened, then what to do.
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
}

/// A response extension with the failure's code, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(pub(super) &'static str);

impl Failure {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after: None }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("The {what} does not exist."))
    }

    pub(super) fn unsupported(detail: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("The body is larger than {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    pub(super) fn no_access_token() -> Self {
        let detail = "Send an access token: Authorization: Bearer …";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(super) fn invalid_scope() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", "The user is not allowed to have this scope.")
    }

    pub(super) fn malformed_scope() -> Self {
        let detail = "`scope` has names separated by single spaces.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", detail)
    }

    pub(super) fn password_change_required() -> Self {
        let detail = "This password is temporary. Send `new_password` with it to set a new one.";
        Self::new(StatusCode::FORBIDDEN, "password_change_required", detail)
    }

    pub(super) fn registration_closed() -> Self {
        let detail = "Registration is closed. An administrator must create the account.";
        Self::new(StatusCode::FORBIDDEN, "registration_closed", detail)
    }

    /// A condition of the write was not true any more.
    fn outdated() -> Self {
        let detail = "Another request changed the account at the same time. This request changed nothing. \
                      Read the account again.";
        Self::new(StatusCode::CONFLICT, "changed_meanwhile", detail)
    }

    pub(super) fn too_many_followers() -> Self {
        let detail = "Too many clients follow this stream, in total or from this address. \
                      Request the list at intervals instead.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_followers", detail)
            .after(Duration::from_secs(10))
    }

    /// RFC 6749 §5.2: a parameter is missing or is repeated.
    pub(super) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// RFC 6749 §5.2: the token was issued to another client.
    pub(super) fn not_your_token() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", "The token was issued to another client.")
    }

    /// RFC 6749 §5.2: the refresh token was rejected. The log has the reason.
    pub(super) fn invalid_grant() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", "The refresh token is not valid.")
    }

    pub(super) fn unsupported_grant_type() -> Self {
        let detail = "`grant_type` must be `refresh_token`.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", detail)
    }

    pub(super) fn draining() -> Self {
        let retry_after = Duration::from_secs(1);
        let detail = "The server is shutting down. Retry in a few seconds.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail).after(retry_after)
    }

    fn after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    fn throttled(retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many attempts. Wait, then retry.")
            .after(retry_after)
    }

    fn busy(retry_after: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "The server is verifying too many passwords. Retry shortly.",
        )
        .after(retry_after)
    }

    /// Adds the code for the log, and the `Retry-After` header if the failure has a time to wait.
    fn with_retry(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(Code(self.code));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// The response to a panic. The panic's text is dropped, because it may quote the request.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The failure for a status that the router, or a layer around it, set without a body.
pub(super) fn of_status(status: StatusCode) -> Failure {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not_found", "No route has this path."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "This path does not accept the method. See the Allow header.")
        }
        StatusCode::BAD_REQUEST => (
            "malformed_request",
            "The request must name exactly one host, and its body must have exactly one length.",
        ),
        StatusCode::MISDIRECTED_REQUEST => ("misdirected", "In development, use the host name localhost."),
        StatusCode::REQUEST_TIMEOUT => ("request_timeout", "The request took too long."),
        StatusCode::FORBIDDEN => ("cross_origin", "The request comes from a page of another origin."),
        StatusCode::INTERNAL_SERVER_ERROR => {
            ("internal", "The server has an internal error. Its log has the cause.")
        }
        _ => ("refused", "The server rejected the request."),
    };
    Failure::new(status, code, detail)
}
