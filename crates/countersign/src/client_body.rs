//! A client as JSON, the same for the API and for commands with `--json`.

use std::time::Duration;

use countersign_core::client::{Client, GrantType};
use countersign_core::refresh::LateRetry;
use countersign_token::TokenType;
use serde_json::{Value, json};

use crate::time_text::rfc3339;

/// The members that `Client` has in openapi.json. Lifetimes are in seconds; `null` is the server's own value.
pub fn client_body(client: &Client) -> Value {
    let settings = &client.settings;
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs());
    json!({
        "client_id": client.id.as_str(),
        "client_name": settings.name,
        "kind": client.kind().as_str(),
        "token_endpoint_auth_method": client.authentication.as_str(),
        "redirect_uris": settings.redirect_uris,
        "grant_types": settings.grants.iter().copied().map(GrantType::as_str).collect::<Vec<_>>(),
        "scope": settings.scope.as_ref().map(|scope| scope.as_str()),
        "audiences": settings.audiences,
        "access_token_lifetime": seconds(settings.access_token_lifetime),
        "access_token_type": settings.access_token_type.map(TokenType::name),
        "idle_lifetime": seconds(settings.idle_lifetime),
        "absolute_lifetime": seconds(settings.absolute_lifetime),
        "grace": seconds(settings.grace),
        "late_retry": settings.late_retry.map(LateRetry::as_str),
        "created_at": rfc3339(client.created_at),
    })
}
