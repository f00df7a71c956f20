//! Introspection (RFC 7662): what a token is worth now, as the store has it.
//!
//! A client sees the access tokens that are meant for one of its audiences, and
//! its own refresh tokens. Every other token, and everything that is not one, is
//! merely not active: nobody learns about somebody else's.

use std::sync::Arc;

use countersign_core::client::Client;
use countersign_core::issuer::effective_scope;
use countersign_core::refresh::{is_bound, is_held};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::SessionWithUser;
use countersign_core::store::StoreError;
use countersign_core::user::Username;
use countersign_core::{Secret, SessionId, Timestamp};
use countersign_token::AccessTokenClaims;

use super::authorize;
use crate::app::App;

/// A token that is good now.
#[derive(Debug)]
pub enum Active {
    /// An access token of a live session.
    AccessToken {
        /// What it says, with the scope that its user may have now.
        claims: Box<AccessTokenClaims>,
        /// The user's name now.
        username: Username,
    },
    /// The current refresh token of a live session.
    RefreshToken {
        /// When it was issued.
        issued_at: Timestamp,
        /// Its session.
        row: Box<SessionWithUser>,
    },
}

/// Looks at a token on behalf of a client. `None`: it is not active, or not theirs to see.
///
/// # Errors
///
/// When the store fails: no token is called active on half the evidence.
pub async fn introspect(
    app: &App,
    caller: &Client,
    text: &Secret<String>,
) -> Result<Option<Active>, StoreError> {
    if let Some(claims) = access_token(app, &caller.settings.audiences, text.expose()) {
        let caller = authorize::live(app, &claims).await?;
        return Ok(caller.map(|caller| {
            let mut claims = AccessTokenClaims::clone(&claims);
            // A role that was taken away since the token was issued does not count any more.
            claims.scope = effective_scope(&claims.scope, &caller.user);
            Active::AccessToken { claims: Box::new(claims), username: caller.user.username }
        }));
    }
    let now = app.world.now();
    let inactive = |session: Option<SessionId>, reason: &str| {
        let session = session.map(tracing::field::display);
        tracing::info!(client = %caller.id, session, reason, "a token is not active");
        Ok(None)
    };
    let Ok(token) = RefreshToken::parse(text.expose(), &app.server_keys) else {
        return inactive(None, "no_valid_token");
    };
    let Some(row) = app.store.session(token.session).await? else {
        return inactive(Some(token.session), "no_such_session");
    };
    match why_inactive(app, caller, (&token, &row), now) {
        Some(reason) => inactive(Some(token.session), reason),
        None => Ok(Some(Active::RefreshToken { issued_at: token.issued_at, row: Box::new(row) })),
    }
}

/// Why a refresh token is not active for a client. `None`: it is.
fn why_inactive(
    app: &App,
    caller: &Client,
    (token, row): (&RefreshToken, &SessionWithUser),
    now: Timestamp,
) -> Option<&'static str> {
    if row.session.grant.client != caller.id {
        return Some("another_client");
    }
    let why = row.why_not_live(now);
    let why = why.or((token.generation < row.session.ratchet.generation).then_some("spent"));
    let why = why.or((!is_held(&app.server_keys, &row.session, token)).then_some("tag_without_secret"));
    why.or((!is_bound(&app.server_keys, &row.session, token)).then_some("row_tampered"))
}

/// An access token of ours for one of some audiences, verified.
pub(super) fn access_token(app: &App, audiences: &[String], text: &str) -> Option<Arc<AccessTokenClaims>> {
    let (keys, now) = (app.keyring.current(), app.world.now());
    audiences.iter().find_map(|audience| keys.verify(text, audience, now).ok())
}
