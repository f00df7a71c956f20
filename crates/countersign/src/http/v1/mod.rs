//! The first-party API. Requests are JSON; responses are JSON or `application/problem+json`.

pub(super) mod admin;
pub(super) mod lab;
pub(super) mod sessions;
pub(super) mod users;

use axum::response::{IntoResponse, Response};
use axum::{Json, http::StatusCode};
use countersign_core::session::{Presence, Revoked, RevokedReason, SessionWithUser};
use countersign_core::user::Role;
use countersign_core::{SessionId, Timestamp, UserId, story};
use serde_json::{Value, json};

use super::error::{Failure, Problem};
use crate::session_body::admin_session_body;
use crate::time_text;

type Reply<T> = Result<T, Problem>;

/// Like [`admin_session_body`], with the session's history as sentences.
fn session_story(row: &SessionWithUser, now: Timestamp) -> Value {
    let mut body = admin_session_body(row, now);
    body["story"] = story::tell(row, now, time_text::spoken).into();
    body
}

fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}

fn ended(sessions: u64) -> Json<Value> {
    Json(json!({"ended": sessions}))
}

fn revoked(reason: RevokedReason, by: &Presence) -> Revoked {
    Revoked { reason, by: by.clone(), presented: None }
}

fn parse_session(id: &str) -> Result<SessionId, Failure> {
    id.parse().map_err(|_| Failure::not_found("session"))
}

fn parse_user(id: &str) -> Result<UserId, Failure> {
    id.parse().map_err(|_| Failure::not_found("user"))
}

fn parse_role(name: &str) -> Result<Role, Failure> {
    Role::from_name(name).ok_or_else(|| Failure::malformed("The role must be `user` or `admin`."))
}
