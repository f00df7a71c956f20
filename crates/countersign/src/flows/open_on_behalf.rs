//! Opens a session for a user that a backend has authenticated itself.

use std::sync::Arc;

use countersign_core::client::{Client, ClientAuthentication, GrantType};
use countersign_core::issuer::{ACCOUNT_SCOPE, ADMIN_SCOPE, effective_scope};
use countersign_core::session::Presence;
use countersign_core::store::{Standing, StoreError};
use countersign_core::user::{User, UserClaims, UserError};
use countersign_core::{ClientId, Secret, UserId};
use countersign_token::Scope;
use serde_json::Value;

use super::Pair;
use super::authenticate_client::{self, ClientError};
use super::open::{self, OpenError, Request, Terms};
use crate::app::App;

/// The request of a backend.
#[derive(Debug)]
pub struct OnBehalf {
    pub subject: UserId,
    /// The client that gets the tokens.
    pub client: ClientId,
    /// The client's secret. A confidential client is accepted only with its secret.
    pub client_secret: Option<Secret<String>>,
    pub scope: Scope,
    /// Claims of this session only.
    pub claims: Option<Value>,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum OnBehalfError {
    #[error("the client is the lab's")]
    LabClient,
    #[error("there is no such user")]
    NoSuchUser,
    /// `countersign:admin` is for administrators.
    #[error("the user may not have this scope")]
    NotTheUsersScope,
    /// The client is not registered for the scope, or it is a scope of this server's own routes.
    #[error("the client may not have this scope")]
    NotTheClientsScope,
    #[error(transparent)]
    Claims(#[from] UserError),
    /// The client is confidential, and its secret is missing or wrong.
    #[error("the client did not authenticate")]
    SecretRequired,
    /// The client is public, so it has no secret.
    #[error("the client has no secret")]
    SecretUnexpected,
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    NotOpened(#[from] OpenError),
}

impl From<StoreError> for OnBehalfError {
    fn from(error: StoreError) -> Self {
        Self::NotOpened(error.into())
    }
}

/// Opens a session, while the administrator's standing holds and the client is registered as it was when it
/// was checked.
///
/// # Errors
///
/// [`OnBehalfError`].
pub async fn open(
    app: &App,
    administrator: Standing,
    request: OnBehalf,
    by: &Presence,
) -> Result<Pair, OnBehalfError> {
    let OnBehalf { subject, client, client_secret, scope, claims } = request;
    if [ClientId::lab(), ClientId::lab_api()].contains(&client) {
        return Err(OnBehalfError::LabClient);
    }
    let user = app.store.user(&subject).await?.ok_or(OnBehalfError::NoSuchUser)?;
    check_scope(&client, &scope, &user)?;
    let claims = claims.map(UserClaims::check).transpose()?.unwrap_or_default().as_map().clone();
    let registered = check_client(app, &client, client_secret.as_ref(), &scope).await?;
    let standing = Standing { client: registered, ..administrator };
    let request = Request { client, scope, claims };
    let terms = Terms { given: &[standing], ..Terms::default() };
    Ok(open::open(app, &user, request, by, terms).await?)
}

/// Checks a registered client: its secret if it is confidential, its grants and its scopes. Returns the client
/// that was checked. `None`: the client is one of the server's own.
async fn check_client(
    app: &App,
    id: &ClientId,
    secret: Option<&Secret<String>>,
    scope: &Scope,
) -> Result<Option<Arc<Client>>, OnBehalfError> {
    if id.is_reserved() {
        return Ok(None);
    }
    let registered = app.clients.find(&*app.store, id).await?.ok_or(OpenError::NoSuchClient)?;
    let client = registered.client;
    check_secret(&client, secret).inspect_err(|_| {
        tracing::info!(client = %client.id, "a client did not authenticate");
    })?;
    authenticate_client::check_grant(&client, GrantType::RefreshToken)?;
    if !client.settings.allows_scope(scope) {
        return Err(OnBehalfError::NotTheClientsScope);
    }
    Ok(Some(client))
}

/// The access token is in the `Authorization` header, so the secret comes in the body, however the client registered.
fn check_secret(client: &Client, secret: Option<&Secret<String>>) -> Result<(), OnBehalfError> {
    match (&client.authentication, secret) {
        (ClientAuthentication::None, None) => Ok(()),
        (ClientAuthentication::None, Some(_)) => Err(OnBehalfError::SecretUnexpected),
        (ClientAuthentication::Secret(_, hash), Some(secret)) if hash.is_of(secret) => Ok(()),
        (ClientAuthentication::Secret(..), _) => Err(OnBehalfError::SecretRequired),
    }
}

/// Only this server's own app may have the scopes of its routes, and only administrators the administrator's scope.
fn check_scope(client: &ClientId, scope: &Scope, user: &User) -> Result<(), OnBehalfError> {
    let is_own = [ACCOUNT_SCOPE, ADMIN_SCOPE].iter().any(|own| scope.contains(own));
    if is_own && *client != ClientId::first_party() {
        return Err(OnBehalfError::NotTheClientsScope);
    }
    let is_users = scope.is_subset_of(&effective_scope(scope, user));
    is_users.then_some(()).ok_or(OnBehalfError::NotTheUsersScope)
}
