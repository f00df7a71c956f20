//! Token introspection (RFC 7662), based on the current state of the store.
//!
//! A client can introspect access tokens for one of its audiences, and its own refresh
//! tokens. For every other token and for malformed input the result is "not active", so
//! a client learns nothing about tokens of other clients.

use countersign_core::client::Client;
use countersign_core::issuer::effective_scope;
use countersign_core::refresh::{is_bound, is_held};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::SessionWithUser;
use countersign_core::store::StoreError;
use countersign_core::user::Username;
use countersign_core::{Secret, SessionId, Timestamp};
use countersign_token::AccessTokenClaims;

use super::{access_token, authorize};
use crate::app::App;

/// A token that is active now.
#[derive(Debug)]
pub enum Active {
    /// An access token of a live session.
    AccessToken {
        /// The token's claims. `scope` is reduced to what the user may have now.
        claims: Box<AccessTokenClaims>,
        /// The user's current name.
        username: Username,
    },
    /// The current refresh token of a live session.
    RefreshToken { issued_at: Timestamp, row: Box<SessionWithUser> },
}

/// Introspects a token for a client. `None`: the token is not active, or the client is not allowed to
/// introspect it.
///
/// # Errors
///
/// When the store fails, because the server then cannot tell whether the token's session is live.
pub async fn introspect(
    app: &App,
    caller: &Client,
    text: &Secret<String>,
) -> Result<Option<Active>, StoreError> {
    if let Ok(claims) = access_token::verify(app, &caller.settings.audiences, text.expose()).await? {
        let live = authorize::live(app, &claims).await?;
        return Ok(live.map(|owner| {
            let mut current = AccessTokenClaims::clone(&claims);
            // The user may have lost a role since the token was issued.
            current.scope = effective_scope(&claims.scope, &owner.user);
            Active::AccessToken { claims: Box::new(current), username: owner.user.username }
        }));
    }
    let now = app.world.now();
    let inactive = |session: Option<SessionId>, reason: &str| {
        let shown = session.map(tracing::field::display);
        tracing::info!(client = %caller.id, session = shown, reason, "a token is not active");
        Ok(None)
    };
    let Ok(token) = RefreshToken::parse(text.expose(), &app.server_keys) else {
        return inactive(None, "no_valid_token");
    };
    let Some(row) = app.store.session(token.session).await? else {
        return inactive(Some(token.session), "no_such_session");
    };
    match why_inactive(app, caller, &token, &row, now) {
        Some(reason) => inactive(Some(token.session), reason),
        None => Ok(Some(Active::RefreshToken { issued_at: token.issued_at, row: Box::new(row) })),
    }
}

/// Why a refresh token is not active for a client. `None`: the token is active.
fn why_inactive(
    app: &App,
    caller: &Client,
    token: &RefreshToken,
    row: &SessionWithUser,
    now: Timestamp,
) -> Option<&'static str> {
    if row.session.grant.client != caller.id {
        return Some("another_client");
    }
    if let Some(ended) = row.why_not_live(now) {
        return Some(ended);
    }
    if token.generation < row.session.ratchet.generation {
        return Some("spent");
    }
    if !is_held(&app.server_keys, &row.session, token) {
        return Some("tag_without_secret");
    }
    (!is_bound(&app.server_keys, &row.session, token)).then_some("row_tampered")
}
