//! The JSON form of a user, in the API and in commands with `--json`.

use countersign_core::user::User;
use countersign_core::user::email::Email;
use serde_json::{Value, json};

use crate::time_text::rfc3339;

/// Returns an object with the members of the schema `User` in openapi.json.
pub fn user_body(user: &User) -> Value {
    json!({
        "id": user.id.as_str(),
        "username": user.username.as_str(),
        "email": user.email.as_ref().map(Email::address),
        "email_verified": user.email.as_ref().is_some_and(Email::is_verified),
        "claims": user.claims.as_map(),
        "role": user.role.as_str(),
        "disabled": !user.is_enabled(),
        "created_at": rfc3339(user.created_at),
    })
}
