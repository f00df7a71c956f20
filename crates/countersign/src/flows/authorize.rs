//! Authorization of requests to this server: verifies an access token, then loads its session and user.
//!
//! Other APIs verify an access token locally. This server's API changes accounts, so it
//! also reads the store. It rejects an access token as soon as its session is revoked.

use std::sync::Arc;

use countersign_core::SessionId;
use countersign_core::issuer::effective_scope;
use countersign_core::session::Session;
use countersign_core::store::{Standing, StoreError};
use countersign_core::user::User;
use countersign_token::{AccessTokenClaims, VerifyError};

use super::{access_token, revocation_list};
use crate::app::App;

/// The user and the session that an access token belongs to, as they are in the store now.
#[derive(Debug)]
pub struct Caller {
    pub session: Session,
    pub user: User,
}

/// Why an access token does not authorize a request.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The token is invalid, expired or revoked, or its user is disabled.
    #[error("the access token is not valid")]
    Refused,
    /// The token is valid, but it does not have the required scope.
    #[error("the access token lacks the scope {0}")]
    ScopeMissing(&'static str),
    /// The store failed, so the server cannot tell whether the session is live.
    #[error("the store is unavailable")]
    Unavailable(#[from] StoreError),
}

/// Why local verification rejects an access token. The log has the reason; the response does not.
#[derive(Debug, thiserror::Error)]
pub enum Unacceptable {
    /// The token is malformed, expired, for another audience, or not issued by this server.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// The revocation list contains the token's session.
    #[error("revoked")]
    Revoked(Arc<AccessTokenClaims>),
}

impl Unacceptable {
    /// Logs the rejection.
    pub fn note(&self) {
        let claims = match self {
            Self::Invalid(_) => None,
            Self::Revoked(claims) => Some(claims),
        };
        let session = claims.map(|claims| claims.sid.as_str());
        let user = claims.map(|claims| claims.sub.as_str());
        tracing::info!(session, user, reason = %self, "an access token was refused");
    }
}

/// Verifies an access token locally, as any API does. `None`: the token is invalid, and the log has the reason.
///
/// # Errors
///
/// When the store fails and the token has a type that only some clients have.
pub async fn verify(app: &App, text: &str) -> Result<Option<Arc<AccessTokenClaims>>, StoreError> {
    let verified = access_token::verify(app, std::slice::from_ref(&app.audience), text).await?;
    Ok(verified.map_err(Unacceptable::from).inspect_err(Unacceptable::note).ok())
}

/// Verifies an access token like an API that follows the revocation list.
///
/// This function does not log a rejection, because the token may be a legacy token that the caller accepts.
///
/// # Errors
///
/// When the revocation list may be incomplete, and as [`verify`].
pub async fn verify_followed(
    app: &App,
    text: &str,
) -> Result<Result<Arc<AccessTokenClaims>, Unacceptable>, StoreError> {
    let claims = match access_token::verify(app, std::slice::from_ref(&app.audience), text).await? {
        Ok(claims) => claims,
        Err(error) => return Ok(Err(error.into())),
    };
    revocation_list::check_up_to_date(app)
        .map_err(|error| StoreError::caused_by("the revocation list cannot be served", error))?;
    Ok(if app.revocations.names(&claims) { Err(Unacceptable::Revoked(claims)) } else { Ok(claims) })
}

/// Finds the user and session of an access token. Both the token and the session must have `scope` now.
///
/// # Errors
///
/// [`AuthorizeError::Refused`] when the token is invalid or its session has ended,
/// [`AuthorizeError::ScopeMissing`] when the token or the session does not have the scope,
/// [`AuthorizeError::Unavailable`] when the store fails.
pub async fn caller(app: &App, text: &str, scope: &'static str) -> Result<Caller, AuthorizeError> {
    let claims = verify(app, text).await?.ok_or(AuthorizeError::Refused)?;
    let caller = live(app, &claims).await?.ok_or(AuthorizeError::Refused)?;
    let granted = effective_scope(&caller.session.grant.scope, &caller.user);
    let has_scope = granted.contains(scope) && claims.scope.contains(scope);
    if !has_scope {
        note_scope_missing(&claims, scope);
        return Err(AuthorizeError::ScopeMissing(scope));
    }
    // Every log line of this request then has the user's id.
    tracing::Span::current().record("caller", caller.user.id.as_str());
    Ok(caller)
}

/// Logs that a valid token does not have the required scope.
pub(super) fn note_scope_missing(claims: &AccessTokenClaims, scope: &str) {
    let (session, user) = (claims.sid.as_str(), claims.sub.as_str());
    tracing::info!(session, user, scope, reason = "scope_missing", "an access token was refused");
}

/// Reads the session and the user of verified claims from the store. `None`: the session has ended, or its
/// row contradicts the claims.
///
/// # Errors
///
/// When the store fails.
pub async fn live(app: &App, claims: &AccessTokenClaims) -> Result<Option<Caller>, StoreError> {
    let refused = |reason: &str| {
        let (session, user) = (claims.sid.as_str(), claims.sub.as_str());
        tracing::info!(session, user, reason, "an access token was refused");
        Ok(None)
    };
    let Ok(session) = claims.sid.parse::<SessionId>() else { return refused("malformed_session") };
    let Some(found) = app.store.session(session).await? else { return refused("no_such_session") };
    let grant = &found.session.grant;
    // The server signed the claims and never changes these columns, so the row was changed outside the
    // server.
    if claims.sub != grant.user.as_str() || claims.client_id != grant.client.as_str() {
        tracing::error!(%session, "an access token contradicts its session's row: the row was changed");
        return Ok(None);
    }
    let now = app.world.now();
    match found.live_user(now).cloned() {
        Some(user) => Ok(Some(Caller { session: found.session, user })),
        None => refused(found.why_not_live(now).unwrap_or("ended")),
    }
}

impl Caller {
    /// The conditions of a write that the caller authorizes: the session is not revoked, and the user is
    /// enabled.
    pub fn standing(&self) -> Standing {
        Standing { session: Some(self.session.id), ..Standing::of(&self.user) }
    }
}
