//! Routes for monitoring and verifiers: liveness, readiness, metrics, the key set, and the OpenAPI document.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Edge;
use super::error::{Failure, Message};
use crate::flows::health;

/// OpenAPI 3.1.
const OPENAPI: &str = include_str!("../../openapi.json");

/// `GET /livez`: responds as long as the process handles requests.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: the server is not shutting down, and its store can be read and written.
pub(super) async fn readyz(State(edge): State<Arc<Edge>>) -> Result<&'static str, Message> {
    if edge.is_draining.load(Ordering::Relaxed) {
        return Err(Failure::draining().into());
    }
    health::check(&edge.app).await?;
    Ok("ready\n")
}

/// The published key set. `Cache-Control` allows five minutes. A verifier that caches the set for up to an
/// hour still knows every signing key.
pub(super) async fn jwks(State(edge): State<Arc<Edge>>) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, edge.app.keyring.current().published.clone()).into_response()
}

/// `GET /openapi.json`, with the issuer's path in `servers`.
pub(super) async fn openapi(State(edge): State<Arc<Edge>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    match edge.app.terms.issuer.path() {
        "" => (headers, OPENAPI).into_response(),
        path => {
            let at_path = OPENAPI.replacen(
                r#""servers": [{ "url": "/""#,
                &format!(r#""servers": [{{ "url": "{path}""#),
                1,
            );
            (headers, at_path).into_response()
        }
    }
}

/// The metrics, in the OpenMetrics text format.
pub(super) async fn metrics(State(edge): State<Arc<Edge>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], edge.app.metrics.encode()).into_response()
}
