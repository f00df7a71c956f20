//! Which client is asking: it proves itself with its secret, sent as it said it would.
//!
//! The answer to a wrong secret, a wrong way of sending it and an unknown client
//! is the same one.

use countersign_core::client::{Client, ClientAuthentication, SecretMethod};
use countersign_core::store::StoreError;
use countersign_core::{ClientId, Secret};

use crate::app::App;

/// What a client sent to say who it is.
#[derive(Debug)]
pub struct ClientCredentials {
    /// Its `client_id`, as sent.
    pub id: String,
    /// Its secret, and how it was sent.
    pub secret: Option<(SecretMethod, Secret<String>)>,
}

/// Why nobody knows which client is asking.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It did not prove that it is one of ours.
    #[error("the client did not authenticate")]
    Refused,
    /// The store failed: nothing is trusted.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
}

/// Finds the client that the credentials prove.
///
/// # Errors
///
/// [`ClientError`].
pub async fn authenticate(app: &App, credentials: &ClientCredentials) -> Result<Client, ClientError> {
    let id: ClientId = credentials.id.parse().map_err(|_| ClientError::Refused)?;
    let own = app.lab.as_ref().map(|lab| &lab.introspector).filter(|client| client.id == id);
    let client = match own {
        Some(client) => Some(client.clone()),
        None => app.store.client(&id).await?,
    };
    // Some clients send their secret where the id belongs: only the id of a registered client is logged.
    let known = client.as_ref().map(|client| tracing::field::display(client.id.clone()));
    let proved = client.filter(|client| is_proved(&client.authentication, credentials.secret.as_ref()));
    if proved.is_none() {
        tracing::info!(client = known, "a client did not authenticate");
    }
    let client = proved.ok_or(ClientError::Refused)?;
    tracing::Span::current().record("caller", client.id.as_str());
    Ok(client)
}

/// The client that refreshes. Without credentials it is the app that this server serves itself.
///
/// # Errors
///
/// [`ClientError`]: a confidential client's refresh token is of no use without its secret.
pub async fn refreshing(app: &App, sent: Option<&ClientCredentials>) -> Result<ClientId, ClientError> {
    let own = [Some(ClientId::first_party()), app.lab.as_ref().map(|lab| lab.client.clone())];
    let Some(sent) = sent else { return Ok(ClientId::first_party()) };
    match own.into_iter().flatten().find(|own| sent.secret.is_none() && own.as_str() == sent.id) {
        Some(own) => Ok(own),
        None => Ok(authenticate(app, sent).await?.id),
    }
}

/// Whether a client must prove who it is. One that is not registered cannot.
///
/// # Errors
///
/// When the store fails.
pub async fn is_confidential(app: &App, id: &ClientId) -> Result<bool, StoreError> {
    if id.is_reserved() {
        return Ok(false);
    }
    let client = app.store.client(id).await?;
    Ok(client.is_some_and(|client| client.authentication != ClientAuthentication::None))
}

fn is_proved(registered: &ClientAuthentication, sent: Option<&(SecretMethod, Secret<String>)>) -> bool {
    match (registered, sent) {
        (ClientAuthentication::None, None) => true,
        (ClientAuthentication::Secret(method, hash), Some((sent_by, secret))) => {
            method == sent_by && hash.is_of(secret)
        }
        _ => false,
    }
}
