//! For machines: is it alive, is it ready, what does it count, which keys verify, what is its API.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Edge;
use super::error::{Failure, Message};
use crate::flows::health;

/// The API, described (OpenAPI 3.1).
const OPENAPI: &str = include_str!("../../openapi.json");

/// The process answers.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// The process can do its work: it is not about to stop, and its store answers and takes writes.
pub(super) async fn readyz(State(edge): State<Arc<Edge>>) -> Result<&'static str, Message> {
    if edge.is_draining.load(Ordering::Relaxed) {
        return Err(Failure::draining().into());
    }
    health::check(&edge.app).await?;
    Ok("ready\n")
}

/// The published key set. Verifiers may keep it for five minutes; they may keep it for an hour and not fail.
pub(super) async fn jwks(State(edge): State<Arc<Edge>>) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, edge.app.keyring.current().published.clone()).into_response()
}

/// The description of this API.
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

/// Everything that is counted.
pub(super) async fn metrics(State(edge): State<Arc<Edge>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], edge.app.metrics.encode()).into_response()
}
