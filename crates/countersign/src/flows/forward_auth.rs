//! Whether a proxy may let a request through, and as whom.
//!
//! The token is verified and its session looked up: a user who signed out a second
//! ago does not get in. Whether a cookie counts as a token is decided before.

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

/// A request that waits at a proxy.
#[derive(Debug)]
pub struct Asked {
    /// The host that it is for.
    pub host: Host,
    /// Its method.
    pub method: String,
    /// The path that it is for.
    pub path: PlainPath,
    /// The access token that came with it.
    pub token: Option<Secret<String>>,
}

/// What the proxy is told.
#[derive(Debug)]
pub enum Decision {
    /// Let it through.
    Allow(Option<Identity>),
    /// Not without a token that is good.
    TokenNeeded,
    /// Not with this token, whose session is not for this.
    ScopeMissing(Scope),
}

/// Whom the application will see.
#[derive(Debug)]
pub struct Identity {
    /// The token.
    pub claims: Arc<AccessTokenClaims>,
    /// The user, as the store has them now.
    pub user: User,
}

impl Identity {
    /// Whether the token has a scope, and its session still may.
    fn has(&self, scope: &Scope) -> bool {
        scope.is_subset_of(&effective_scope(&self.claims.scope, &self.user))
    }
}

/// Decides.
///
/// # Errors
///
/// When the store fails: nobody is let through on half the evidence.
pub async fn decide(app: &App, asked: &Asked) -> Result<Decision, StoreError> {
    let access = app.routes.access(&asked.host, &asked.method, &asked.path);
    let identity = match &asked.token {
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
    let Some(claims) = authorize::verify(app, token.expose()) else { return Ok(None) };
    let caller = authorize::live(app, &claims).await?;
    Ok(caller.map(|caller| Identity { claims, user: caller.user }))
}
