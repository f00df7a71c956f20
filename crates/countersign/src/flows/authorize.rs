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
use countersign_token::AccessTokenClaims;

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

/// Verifies an access token locally, as any API does.
pub fn verify(app: &App, text: &str) -> Option<Arc<AccessTokenClaims>> {
    let verified = app.keyring.current().verify(text, &app.audience, app.world.now());
    verified.inspect_err(|error| tracing::debug!(%error, "an access token was refused")).ok()
}

/// Verifies an access token as an API does that follows the list of revocations, without asking the store.
///
/// # Errors
///
/// [`ListError::Stale`] when the list may lack a revocation.
pub fn verify_followed(app: &App, text: &str) -> Result<Option<Arc<AccessTokenClaims>>, ListError> {
    let Some(claims) = verify(app, text) else { return Ok(None) };
    revocation_list::check_up_to_date(app)?;
    Ok(Some(claims).filter(|claims| !app.revocations.names(claims)))
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
    if has_scope { Ok(caller) } else { Err(AuthorizeError::ScopeMissing(scope)) }
}

/// Session and user that verified claims name, as the store has them. `None`: the session is not live any more, or
/// its row contradicts the claims.
///
/// # Errors
///
/// When the store fails.
pub async fn live(app: &App, claims: &AccessTokenClaims) -> Result<Option<Caller>, StoreError> {
    let Ok(session) = claims.sid.parse::<SessionId>() else { return Ok(None) };
    let Some(found) = app.store.session(session).await? else { return Ok(None) };
    let grant = &found.session.grant;
    // The server signed the claims; the row, which never changes in these columns, says something else.
    if claims.sub != grant.user.as_str() || claims.client_id != grant.client.as_str() {
        tracing::error!(%session, "an access token contradicts its session's row: the row was changed");
        return Ok(None);
    }
    let user = found.live_user(app.world.now()).cloned();
    Ok(user.map(|user| Caller { session: found.session, user }))
}

impl Caller {
    /// What a write that the caller authorises rests on: the session is not revoked, and the user is enabled.
    pub fn standing(&self) -> Standing {
        Standing { session: Some(self.session.id), ..Standing::of(&self.user) }
    }
}
