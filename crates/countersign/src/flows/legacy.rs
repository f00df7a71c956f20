//! Moving from the tutorial: its refresh tokens are taken once each, until the date.
//!
//! They are `jsonwebtoken` HS256 tokens whose `id` names a user. Each buys one
//! real pair; the token's hash is kept until it would have expired, so that it
//! buys no second one.

use aws_lc_rs::digest;
use countersign_core::session::Presence;
use countersign_core::store::{SingleUse, StoreError};
use countersign_core::user::User;
use countersign_core::{ClientId, Secret, Timestamp, UserId};
use countersign_token::{DEFAULT_LEEWAY, Scope, tutorial};
use serde_json::{Map, Value};

use super::Pair;
use super::open::{self, OpenError, Request, Terms};
use super::refresh::{self, RefreshError};
use crate::app::App;
use crate::operations::metrics::RefreshOutcome;

/// Refreshes; what is no token of this server may be one of the tutorial's.
///
/// # Errors
///
/// As [`refresh::refresh`].
pub async fn refresh(
    app: &App,
    text: &Secret<String>,
    client: &ClientId,
    by: &Presence,
) -> Result<Pair, RefreshError> {
    let refreshed = refresh::refresh(app, text, client, by).await;
    if !matches!(refreshed, Err(RefreshError::Refused(RefreshOutcome::NotOurs))) {
        return refreshed;
    }
    Box::pin(exchange(app, text, by)).await?.map_or(refreshed, Ok)
}

/// Exchanges a refresh token of the tutorial for a pair. `None`: it is not acceptable.
async fn exchange(app: &App, text: &Secret<String>, by: &Presence) -> Result<Option<Pair>, StoreError> {
    let Some(key) = app.legacy.refresh.as_ref().filter(|_| by.at < app.legacy.accept_until) else {
        return Ok(None);
    };
    let Ok(claims) = tutorial::verify(text.expose(), key, DEFAULT_LEEWAY, by.at) else { return Ok(None) };
    // The tutorial's tokens name no issuer; one of ours under a shared secret is an access token.
    if ["iss", "sid", "client_id"].iter().any(|name| claims.contains_key(*name)) {
        return Ok(None);
    }
    let Some(user) = user_of(app, &claims).await? else { return Ok(None) };
    let digest = digest::digest(&digest::SHA256, text.expose().as_bytes());
    let digest = digest.as_ref().try_into().expect("SHA-256 yields 32 bytes");
    let expires_at = claims.get("exp").and_then(Value::as_f64).map_or(app.legacy.accept_until, seconds_after);
    let single = SingleUse { digest, expires_at };
    let request = Request::first_party(&Scope::default());
    let terms = Terms { spending: Some(&single), ..Terms::default() };
    let opened = open::open(app, &user, request, by, terms).await;
    app.metrics.count_sign_in(if opened.is_ok() { "exchanged" } else { "exchanged_before" });
    match opened {
        Ok(pair) => Ok(Some(pair)),
        Err(OpenError::Unavailable(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Verifies an access token of the tutorial: its claims, until it expires or the date has come.
pub fn verify_access(app: &App, text: &str) -> Option<Map<String, Value>> {
    let now = app.world.now();
    let key = app.legacy.access.as_ref().filter(|_| now < app.legacy.accept_until)?;
    tutorial::verify(text, key, DEFAULT_LEEWAY, now).ok()
}

async fn user_of(app: &App, claims: &Map<String, Value>) -> Result<Option<User>, StoreError> {
    let id = match claims.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return Ok(None),
    };
    let Ok(id) = id.parse::<UserId>() else { return Ok(None) };
    // Whoever was signed out everywhere, here, was signed out there too.
    Ok(app.store.user(&id).await?.filter(|user| user.is_enabled() && user.epoch == 0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and later is safe"
)]
fn seconds_after(expires: f64) -> Timestamp {
    Timestamp::from_seconds((expires.max(0.0) as u64).saturating_add(1)).plus(DEFAULT_LEEWAY)
}
