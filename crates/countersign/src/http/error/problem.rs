//! Failures of `/v1`: problem details (RFC 9457) with a stable `code`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Failure;

#[derive(Debug)]
pub(crate) struct Problem(pub(super) Failure);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Failure { status, code, detail, .. } = &self.0;
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
        });
        let mut response = (*status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(challenge) = challenge(*status, code) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        self.0.with_retry(response)
    }
}

/// The challenge of RFC 6750 §3, or of RFC 7617 for a client. The former has no `error` if the request has no token.
fn challenge(status: StatusCode, code: &str) -> Option<HeaderValue> {
    match code {
        "invalid_token" => Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#)),
        "insufficient_scope" => Some(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#)),
        // RFC 6749 §5.2: the client may have sent its secret in an `Authorization` header.
        "invalid_client" => Some(HeaderValue::from_static(r#"Basic realm="countersign""#)),
        _ => (status == StatusCode::UNAUTHORIZED).then_some(HeaderValue::from_static("Bearer")),
    }
}

impl<F: Into<Failure>> From<F> for Problem {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}
