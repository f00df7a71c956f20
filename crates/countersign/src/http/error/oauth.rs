//! Failures as `/oauth2` tells them: `{"error": …, "error_description": …}` (RFC 6749 §5.2).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Failure;

/// A failure in the form of RFC 6749 §5.2.
#[derive(Debug)]
pub(crate) struct OAuth(pub(super) Failure);

/// The codes of RFC 6749 §5.2, of RFC 7009 §2.2.1, and the two of RFC 6749 §4.1.2.1 for faults of the server.
const CODES: [&str; 9] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "unsupported_token_type",
    "server_error",
    "temporarily_unavailable",
];

impl OAuth {
    /// The failure's code, if OAuth has it; otherwise the one that says whose fault it is.
    fn code(&self) -> &'static str {
        let Failure { status, code, .. } = self.0;
        match status {
            _ if CODES.contains(&code) => code,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "temporarily_unavailable",
            _ if status.is_server_error() => "server_error",
            _ => "invalid_request",
        }
    }
}

impl IntoResponse for OAuth {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.code(), "error_description": self.0.detail}));
        let mut response = (self.0.status, body).into_response();
        if self.0.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(r#"Basic realm="countersign""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        self.0.with_retry(response)
    }
}

impl<F: Into<Failure>> From<F> for OAuth {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_without_a_code_of_oauth_says_whose_fault_it_is() {
        let code = |status, code| OAuth(Failure::new(status, code, "")).code();
        assert_eq!(code(StatusCode::BAD_REQUEST, "invalid_scope"), "invalid_scope");
        assert_eq!(code(StatusCode::BAD_REQUEST, "malformed_request"), "invalid_request");
        assert_eq!(code(StatusCode::INTERNAL_SERVER_ERROR, "internal"), "server_error");
        assert_eq!(code(StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "temporarily_unavailable");
        assert_eq!(code(StatusCode::TOO_MANY_REQUESTS, "too_many_requests"), "temporarily_unavailable");
    }
}
