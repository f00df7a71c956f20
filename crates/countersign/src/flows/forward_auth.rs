//! Forward authentication: decides whether a proxy lets a request through, and for which user.
//!
//! The flow verifies the token and reads its session from the store, so a token is rejected
//! as soon as its user signs out. `http::cookie_use` decides whether a cookie counts as a token.

use std::sync::Arc;

use countersign_core::Secret;
use countersign_core::forward_auth::Access;
use countersign_core::issuer::effective_scope;
use countersign_core::origin::Host;
use countersign_core::plain_path::PlainPath;
use countersign_core::store::StoreError;
use countersign_core::user::User;
use countersign_token::{AccessTokenClaims, Scope};

use super::authorize;
use crate::app::App;

/// A request that a proxy holds until the server decides.
#[derive(Debug)]
pub struct HeldRequest {
    /// The host that the client requested.
    pub host: Host,
    /// The HTTP method.
    pub method: String,
    /// The path that the client requested.
    pub path: PlainPath,
    /// The access token of the request.
    pub token: Option<Secret<String>>,
}

/// What the proxy must do with the request.
#[derive(Debug)]
pub enum Decision {
    /// Let the request through, with the headers of the identity if there is one.
    Allow(Option<Identity>),
    /// Reject the request: it needs a valid access token.
    TokenNeeded,
    /// Reject the request: the token, or its session, does not have this scope.
    ScopeMissing(Scope),
}

/// The user that the application behind the proxy sees.
#[derive(Debug)]
pub struct Identity {
    /// The claims of the access token.
    pub claims: Arc<AccessTokenClaims>,
    /// The user, as stored now.
    pub user: User,
}

impl Identity {
    /// Whether the token has a scope and its user may still have it.
    fn has(&self, scope: &Scope) -> bool {
        scope.is_subset_of(&effective_scope(&self.claims.scope, &self.user))
    }
}

/// Decides whether the proxy lets a request through.
///
/// # Errors
///
/// When the store fails, because the server then cannot tell whether the token's session is live.
pub async fn decide(app: &App, request: &HeldRequest) -> Result<Decision, StoreError> {
    let access = app.routes.access(&request.host, &request.method, &request.path);
    let identity = match &request.token {
        Some(token) => identify(app, token).await?,
        None => None,
    };
    Ok(match (access, identity) {
        (Access::Public, identity) => Decision::Allow(identity),
        (Access::Token(_), None) => Decision::TokenNeeded,
        (Access::Token(scope), Some(identity)) if identity.has(&scope) => Decision::Allow(Some(identity)),
        (Access::Token(scope), Some(identity)) => {
            authorize::note_scope_missing(&identity.claims, scope.as_str());
            Decision::ScopeMissing(scope)
        }
    })
}

async fn identify(app: &App, token: &Secret<String>) -> Result<Option<Identity>, StoreError> {
    let Some(claims) = authorize::verify(app, token.expose()).await? else { return Ok(None) };
    let caller = authorize::live(app, &claims).await?;
    Ok(caller.map(|caller| Identity { claims, user: caller.user }))
}
