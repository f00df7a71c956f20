//! Server metadata (RFC 8414), also at the path of OpenID Connect Discovery, where some verifiers look.
//!
//! Verifiers find the key set in it. It lists only what the server supports.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use countersign_core::client::{GrantType, SecretMethod};
use serde_json::{Value, json};

use super::Edge;
use super::error::{Failure, Message};

/// The metadata, which clients may cache for five minutes.
pub(super) async fn show(State(edge): State<Arc<Edge>>) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(metadata(&edge))).into_response()
}

/// The metadata of an issuer with a path, which follows the well-known path (RFC 8414 §3.1).
pub(super) async fn show_at_path(
    State(edge): State<Arc<Edge>>,
    Path(path): Path<String>,
) -> Result<Response, Message> {
    let own = edge.app.terms.issuer.path().trim_start_matches('/');
    if own.is_empty() || path != own {
        return Err(Failure::not_found("issuer").into());
    }
    Ok(show(State(edge)).await)
}

fn metadata(edge: &Edge) -> Value {
    let issuer = &edge.app.terms.issuer.name;
    let algorithm = edge.app.keyring.current().signing.algorithm().name();
    let secrets = SecretMethod::ALL.map(SecretMethod::as_str);
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "token_endpoint_auth_methods_supported": [secrets[0], secrets[1], "none"],
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "introspection_endpoint_auth_methods_supported": secrets,
        "introspection_signing_alg_values_supported": [algorithm],
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "revocation_endpoint_auth_methods_supported": [secrets[0], secrets[1], "none"],
        "revocation_feed_uri": format!("{issuer}/revocations"),
        "response_types_supported": [],
        "grant_types_supported": [GrantType::RefreshToken.as_str()],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
    })
}
