//! Failures of `/oauth2`: `{"error": …, "error_description": …}` (RFC 6749 §5.2).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Failure;

#[derive(Debug)]
pub(crate) struct OAuth(pub(super) Failure);

/// The codes of RFC 6749 §5.2 and RFC 7009 §2.2.1, and the two codes of RFC 6749 §4.1.2.1 for server errors.
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
    /// The failure's code if OAuth defines it. Otherwise the general code for a client error or a server
    /// error.
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
    fn a_failure_without_an_oauth_code_becomes_a_general_client_or_server_error() {
        let code = |status, code| OAuth(Failure::new(status, code, "")).code();
        assert_eq!(code(StatusCode::BAD_REQUEST, "invalid_scope"), "invalid_scope");
        assert_eq!(code(StatusCode::BAD_REQUEST, "malformed_request"), "invalid_request");
        assert_eq!(code(StatusCode::INTERNAL_SERVER_ERROR, "internal"), "server_error");
        assert_eq!(code(StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "temporarily_unavailable");
        assert_eq!(code(StatusCode::TOO_MANY_REQUESTS, "too_many_requests"), "temporarily_unavailable");
    }
}
