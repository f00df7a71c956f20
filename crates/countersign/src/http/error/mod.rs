//! Failures of requests: what happened becomes a status, a code and a text here alone.
//!
//! A failure is told in the [`Dialect`] of the route: [`tutorial`]'s `{"message"}`,
//! [`problem`] details (RFC 9457) with a stable `code`, or [`oauth`]'s `error`
//! (RFC 6749 §5.2). None of them says which check refused a token; the log does.

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

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// For programs. It never changes.
    pub(super) code: &'static str,
    /// For people: what happened, then what to do.
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
}

/// A failure's code, on its response, for the log.
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
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
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
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", "This user cannot have that scope.")
    }

    pub(super) fn password_change_required() -> Self {
        let detail = "This password was given out by somebody else. Send `new_password` beside it.";
        Self::new(StatusCode::FORBIDDEN, "password_change_required", detail)
    }

    pub(super) fn registration_closed() -> Self {
        let detail = "Accounts are made by an administrator here.";
        Self::new(StatusCode::FORBIDDEN, "registration_closed", detail)
    }

    /// The write rested on something that does not hold any more.
    fn outdated() -> Self {
        let detail =
            "The account was changed by another request meanwhile, and nothing was done. Read it again.";
        Self::new(StatusCode::CONFLICT, "changed_meanwhile", detail)
    }

    pub(super) fn too_many_followers() -> Self {
        let detail =
            "Too many follow already, or too many of this address. Ask for the list now and then instead.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_followers", detail)
            .after(Duration::from_secs(10))
    }

    /// RFC 6749 §5.2: a parameter is missing, or comes twice.
    pub(super) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// RFC 6749 §5.2, for a token of another client.
    pub(super) fn not_your_token() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", "The token was issued to another client.")
    }

    pub(super) fn draining() -> Self {
        let retry_after = Duration::from_secs(1);
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "About to stop.").after(retry_after)
    }

    fn after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    fn throttled(retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many tries. Wait, then try again.")
            .after(retry_after)
    }

    fn busy(retry_after: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many passwords are being checked. Try again shortly.",
        )
        .after(retry_after)
    }

    /// With the code for the log, and the retry that goes with every 429 and 503.
    fn with_retry(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(Code(self.code));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// What a bug answers. The panic's text stays inside, because it may quote the request.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// What a bare status means: the router and the layers around it know no words.
pub(super) fn of_status(status: StatusCode) -> Failure {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not_found", "There is nothing at this path."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "This path takes other methods: see the Allow header.")
        }
        StatusCode::BAD_REQUEST => {
            ("malformed_request", "The request must name one host, and its body must have one length.")
        }
        StatusCode::MISDIRECTED_REQUEST => ("misdirected", "In development, call this server localhost."),
        StatusCode::REQUEST_TIMEOUT => ("request_timeout", "The request took too long."),
        StatusCode::FORBIDDEN => ("cross_origin", "The request comes from a page of another origin."),
        StatusCode::INTERNAL_SERVER_ERROR => ("internal", "Something went wrong on our side."),
        _ => ("refused", "The request could not be answered."),
    };
    Failure::new(status, code, detail)
}
