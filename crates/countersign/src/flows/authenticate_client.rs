//! Authenticates a registered client (RFC 6749 §2.3).
//!
//! A wrong secret, another method than the registered one and an unknown client get the same response.

use std::sync::Arc;

use countersign_core::client::{Client, ClientAuthentication, ClientKind, GrantType, SecretMethod};
use countersign_core::store::StoreError;
use countersign_core::{ClientId, Secret};

use crate::app::App;

/// The credentials that a client sent.
#[derive(Debug)]
pub struct ClientCredentials {
    /// The `client_id`, as it was sent.
    pub id: String,
    /// The secret, if one was sent.
    pub secret: Option<SentSecret>,
}

/// A secret, and the method by which it was sent.
#[derive(Debug)]
pub struct SentSecret {
    pub method: SecretMethod,
    pub text: Secret<String>,
}

/// Why a client is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client is not registered, or did not authenticate.
    #[error("the client did not authenticate")]
    Refused,
    /// The client is not registered for the grant.
    #[error("the client is not registered for the grant {}", .0.as_str())]
    GrantNotAllowed(GrantType),
    /// The store failed.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
}

/// Returns the client that the credentials authenticate.
///
/// # Errors
///
/// [`ClientError::Refused`] when they authenticate none, [`ClientError::Unavailable`] when the store fails.
pub async fn authenticate(app: &App, credentials: &ClientCredentials) -> Result<Arc<Client>, ClientError> {
    let id: ClientId = credentials.id.parse().map_err(|_| ClientError::Refused)?;
    let client = match app.lab.as_ref().map(|lab| &lab.introspector).filter(|lab| lab.id == id) {
        Some(lab) => Some(Arc::new(lab.clone())),
        None => app.clients.find(&*app.store, &id).await?.map(|registered| registered.client),
    };
    // Some clients send their secret in the place of the id, so only the id of a registered client is logged.
    let known = client.as_ref().map(|client| tracing::field::display(client.id.clone()));
    let proved = client.filter(|client| is_proved(&client.authentication, credentials.secret.as_ref()));
    if proved.is_none() {
        tracing::info!(client = known, "a client did not authenticate");
    }
    let client = proved.ok_or(ClientError::Refused)?;
    tracing::Span::current().record("caller", client.id.as_str());
    Ok(client)
}

/// The client that presents a refresh token. A request without credentials comes from this server's own app.
///
/// # Errors
///
/// [`ClientError`]. A confidential client's refresh token is useless without the client's secret.
pub async fn refreshing(app: &App, sent: Option<&ClientCredentials>) -> Result<ClientId, ClientError> {
    let own = [Some(ClientId::first_party()), app.lab.as_ref().map(|lab| lab.client.clone())];
    let Some(sent) = sent else { return Ok(ClientId::first_party()) };
    match own.into_iter().flatten().find(|own| sent.secret.is_none() && own.as_str() == sent.id) {
        Some(own) => Ok(own),
        None => {
            let client = authenticate(app, sent).await?;
            check_grant(&client, GrantType::RefreshToken)?;
            Ok(client.id.clone())
        }
    }
}

/// Whether a client is confidential. A client that is not registered is not.
///
/// # Errors
///
/// When the store fails.
pub async fn is_confidential(app: &App, id: &ClientId) -> Result<bool, StoreError> {
    if id.is_reserved() {
        return Ok(false);
    }
    let registered = app.clients.find(&*app.store, id).await?;
    Ok(registered.is_some_and(|registered| registered.client.kind() == ClientKind::Confidential))
}

pub(super) fn check_grant(client: &Client, grant: GrantType) -> Result<(), ClientError> {
    if client.settings.allows_grant(grant) {
        return Ok(());
    }
    tracing::info!(client = %client.id, grant = grant.as_str(), "a client is not registered for a grant");
    Err(ClientError::GrantNotAllowed(grant))
}

fn is_proved(registered: &ClientAuthentication, sent: Option<&SentSecret>) -> bool {
    match (registered, sent) {
        (ClientAuthentication::None, None) => true,
        (ClientAuthentication::Secret(method, hash), Some(sent)) => {
            *method == sent.method && hash.is_of(&sent.text)
        }
        _ => false,
    }
}
