//! The JSON form of a session, in the API and in commands with `--json`.

use countersign_core::Timestamp;
use countersign_core::session::{Session, SessionState, SessionWithUser};
use serde_json::{Value, json};

use crate::time_text::rfc3339;

/// Returns an object with the members of the schema `Session` in openapi.json.
pub fn session_body(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "client_id": session.grant.client.as_str(),
        "device": session.opened.device,
        "address": session.refreshed.address.map(|address| address.to_string()),
        "created_at": rfc3339(session.opened.at),
        "refreshed_at": rfc3339(session.refreshed.at),
        "expires_at": rfc3339(session.idle_expires_at.min(session.absolute_expires_at)),
    })
}

/// Returns an object with the members of the schema `AdminSession` in openapi.json.
pub fn admin_session_body(row: &SessionWithUser, now: Timestamp) -> Value {
    let session = &row.session;
    let mut body = session_body(session);
    body["user_id"] = session.grant.user.as_str().into();
    body["username"] = row.user.as_ref().map(|user| user.username.as_str()).into();
    body["generation"] = session.ratchet.generation.into();
    body["scope"] = session.grant.scope.as_str().into();
    body["absolute_expires_at"] = rfc3339(session.absolute_expires_at).into();
    body["state"] = state(row, now).into();
    if let SessionState::Revoked(revoked) = &session.state {
        body["revoked"] = json!({"at": rfc3339(revoked.by.at), "reason": revoked.reason.as_str()});
    }
    body
}

fn state(row: &SessionWithUser, now: Timestamp) -> &'static str {
    match &row.session.state {
        SessionState::Revoked(revoked) => revoked.reason.as_str(),
        SessionState::Active if row.live_user(now).is_some() => "live",
        // The user was disabled, deleted or signed out everywhere.
        SessionState::Active if row.session.is_live(now) => "ended",
        SessionState::Active => "expired",
    }
}
