//! Who is asking: an access token becomes its session and user, as the store has them now.
//!
//! Other APIs verify an access token locally. This server's own, which changes
//! accounts, asks the store too: a session that was taken back a second ago
//! opens nothing here.

use std::sync::Arc;

use countersign_core::SessionId;
use countersign_core::issuer::effective_scope;
use countersign_core::session::Session;
use countersign_core::store::{Standing, StoreError};
use countersign_core::user::User;
use countersign_token::{AccessTokenClaims, VerifyError};

use super::revocation_list::{self, ListError};
use crate::app::App;

/// Somebody who has proved who they are.
#[derive(Debug)]
pub struct Caller {
    /// Their session.
    pub session: Session,
    /// Themselves.
    pub user: User,
}

/// Why an access token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// Not ours, expired, revoked, or its user is disabled.
    #[error("the access token is not acceptable")]
    Refused,
    /// It is good, but not for this.
    #[error("the access token lacks the scope {0}")]
    ScopeMissing(&'static str),
    /// The store failed: nothing is trusted.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
}

/// Why an access token is not accepted without asking the store. The client learns none of it.
#[derive(Debug, thiserror::Error)]
pub enum Unacceptable {
    /// Not ours, for another audience, expired or malformed.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// The list of revocations names its session.
    #[error("revoked")]
    Revoked(Arc<AccessTokenClaims>),
}

impl Unacceptable {
    /// Writes the line of the log.
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

/// Verifies an access token locally, as any API does.
pub fn verify(app: &App, text: &str) -> Option<Arc<AccessTokenClaims>> {
    verified(app, text).inspect_err(Unacceptable::note).ok()
}

fn verified(app: &App, text: &str) -> Result<Arc<AccessTokenClaims>, Unacceptable> {
    Ok(app.keyring.current().verify(text, &app.audience, app.world.now())?)
}

/// Verifies an access token as an API does that follows the list of revocations, without asking the store. The caller
/// writes the line of the log, because the token may be a legacy one.
///
/// # Errors
///
/// [`ListError::Stale`] when the list may lack a revocation.
pub fn verify_followed(
    app: &App,
    text: &str,
) -> Result<Result<Arc<AccessTokenClaims>, Unacceptable>, ListError> {
    let claims = match verified(app, text) {
        Ok(claims) => claims,
        Err(error) => return Ok(Err(error)),
    };
    revocation_list::check_up_to_date(app)?;
    Ok(if app.revocations.names(&claims) { Err(Unacceptable::Revoked(claims)) } else { Ok(claims) })
}

/// Finds who presents an access token, which must have `scope`, and whose session must have it now.
///
/// # Errors
///
/// [`AuthorizeError::Refused`] when it is not acceptable, or its session is not live any more;
/// [`AuthorizeError::ScopeMissing`] when the token or the session is not for this.
pub async fn caller(app: &App, text: &str, scope: &'static str) -> Result<Caller, AuthorizeError> {
    let claims = verify(app, text).ok_or(AuthorizeError::Refused)?;
    let caller = live(app, &claims).await?.ok_or(AuthorizeError::Refused)?;
    let granted = effective_scope(&caller.session.grant.scope, &caller.user);
    let has_scope = granted.contains(scope) && claims.scope.contains(scope);
    if !has_scope {
        note_scope_missing(&claims, scope);
        return Err(AuthorizeError::ScopeMissing(scope));
    }
    // Every line of the request says who makes it.
    tracing::Span::current().record("caller", caller.user.id.as_str());
    Ok(caller)
}

/// Writes the line of the log about a valid token that is not for this.
pub(super) fn note_scope_missing(claims: &AccessTokenClaims, scope: &str) {
    let (session, user) = (claims.sid.as_str(), claims.sub.as_str());
    tracing::info!(session, user, scope, reason = "scope_missing", "an access token was refused");
}

/// Session and user that verified claims name, as the store has them. `None`: the session is not live any more, or
/// its row contradicts the claims.
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
    // The server signed the claims; the row, which never changes in these columns, says something else.
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
    /// What a write that the caller authorises rests on: the session is not revoked, and the user is enabled.
    pub fn standing(&self) -> Standing {
        Standing { session: Some(self.session.id), ..Standing::of(&self.user) }
    }
}
