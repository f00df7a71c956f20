//! The routes of the lab's page. They exist in development only (`serve --dev`).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Reply, created, parse_session, session_story};
use crate::flows::lab;
use crate::http::Edge;
use crate::http::error::Failure;
use crate::http::extract::Id;
use crate::http::pair_body::with_refresh_token;
use crate::visitor::Visitor;

/// `GET /v1/lab`: the settings that the page needs.
pub(crate) async fn show(State(edge): State<Arc<Edge>>) -> Reply<Json<Value>> {
    let app = &edge.app;
    let lab = lab::of(app)?;
    Ok(Json(json!({
        "issuer": app.terms.issuer.name,
        "audience": app.audience,
        "client_id": lab.client.as_str(),
        "username": app.demo.as_ref().map(|demo| demo.username.as_str()),
        "access_token_lifetime": lab.terms.issuer.lifetime.as_secs(),
        "grace": lab.terms.policy.grace.as_secs(),
        "introspection": {
            "client_id": lab.introspector.id.as_str(),
            "client_secret": lab.secret.expose().as_str(),
        },
        "version": env!("CARGO_PKG_VERSION"),
    })))
}

/// `POST /v1/lab/sessions`: opens a session of the demo user and returns its pair.
pub(crate) async fn open(State(edge): State<Arc<Edge>>, visitor: Visitor) -> Reply<Response> {
    let pair = lab::open_session(&edge.app, &visitor.presence).await?;
    Ok(created(with_refresh_token(&pair)))
}

/// `GET /v1/lab/sessions/{id}`: one of the lab's sessions, with its story.
pub(crate) async fn session(State(edge): State<Arc<Edge>>, Id(id): Id) -> Reply<Json<Value>> {
    let row = lab::session(&edge.app, parse_session(&id)?).await?;
    let row = row.ok_or_else(|| Failure::not_found("session"))?;
    Ok(Json(session_story(&row, edge.app.world.now())))
}

/// `POST /v1/lab/keys/rotate`.
pub(crate) async fn rotate_key(State(edge): State<Arc<Edge>>) -> Reply<Json<Value>> {
    let key_id = lab::rotate_key(&edge.app).await?;
    Ok(Json(json!({"kid": key_id.to_string()})))
}

/// `POST /v1/lab/restart`: the server shuts down as on SIGTERM and starts again.
pub(crate) async fn restart(State(edge): State<Arc<Edge>>) -> Reply<StatusCode> {
    lab::of(&edge.app)?.ask_for_restart();
    Ok(StatusCode::ACCEPTED)
}
