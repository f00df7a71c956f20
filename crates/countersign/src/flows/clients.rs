//! Registered clients: adding, changing and removing them.

use countersign_core::client::{
    Client, ClientAuthentication, ClientChange, ClientSecretHash, ClientSettings, SecretMethod, SettingsError,
};
use countersign_core::session::Revoked;
use countersign_core::store::{Added, ClientChanged, ClientRemoved, Page, Standing, Store, StoreError};
use countersign_core::{ClientId, Secret, World};

use super::revoke;
use crate::app::App;

/// The parts that registering clients needs: less than a whole server, so that commands can use it, too.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    pub store: &'a dyn Store,
    pub world: &'a World,
    /// The running server, whose registry and revocation list a change updates. `None` for a command.
    pub server: Option<&'a App>,
}

/// A client to be registered.
#[derive(Debug)]
pub struct NewClient {
    pub id: ClientId,
    /// How a confidential client sends its secret; `None` for a public client.
    pub method: Option<SecretMethod>,
    /// What differs from the default settings.
    pub changes: Vec<ClientChange>,
}

/// A client whose secret, if it has one, was just made.
#[derive(Debug)]
pub struct WithSecret {
    pub client: Client,
    /// The secret, which is kept nowhere else.
    pub secret: Option<Secret<String>>,
}

/// Why a client was not added, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// A client or a user has the id, or it is one of the server's own.
    #[error("the id is taken: no client may have the id of another, or of a user")]
    IdTaken,
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("there is no such client")]
    NoSuchClient,
    /// A public client has no secret to replace.
    #[error("the client is public and has no secret")]
    NoSecret,
    /// The client or the caller was changed by another request; nothing was done.
    #[error("the client was changed or removed by another request at this moment")]
    Outdated,
    /// The store failed.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
}

impl<'a> Clients<'a> {
    /// The server's parts that clients need.
    pub fn of(app: &'a App) -> Self {
        Self { store: &*app.store, world: &app.world, server: Some(app) }
    }

    fn forget(&self, id: &ClientId) {
        if let Some(app) = self.server {
            app.clients.forget(id);
        }
    }
}

/// Registers a client, while everything in `given` holds.
///
/// # Errors
///
/// [`ClientsError::IdTaken`], [`ClientsError::Settings`], [`ClientsError::Outdated`], or the store's failure.
pub async fn add(
    clients: &Clients<'_>,
    given: &[Standing],
    new: NewClient,
) -> Result<WithSecret, ClientsError> {
    let NewClient { id, method, changes } = new;
    if id.is_reserved() {
        return Err(ClientsError::IdTaken);
    }
    let (authentication, secret) = match method {
        Some(method) => {
            let (secret, hash) = ClientSecretHash::generate(clients.world);
            (ClientAuthentication::Secret(method, hash), Some(secret))
        }
        None => (ClientAuthentication::None, None),
    };
    let settings = ClientSettings::default();
    let client = Client { id, authentication, settings, created_at: clients.world.now() }.with(&changes)?;
    match clients.store.add_client(given, &client).await? {
        Added::Added => {
            tracing::info!(client = %client.id, "a client was registered");
            Ok(WithSecret { client, secret })
        }
        Added::Outdated => Err(ClientsError::Outdated),
        _ => Err(ClientsError::IdTaken),
    }
}

/// # Errors
///
/// [`ClientsError::NoSuchClient`], or the store's failure.
pub async fn find(clients: &Clients<'_>, id: &ClientId) -> Result<Client, ClientsError> {
    clients.store.client(id).await?.ok_or(ClientsError::NoSuchClient)
}

/// A page of the clients, in the order of their ids.
///
/// # Errors
///
/// When the store fails.
pub async fn page(clients: &Clients<'_>, page: &Page<ClientId>) -> Result<Vec<Client>, ClientsError> {
    Ok(clients.store.clients(page).await?)
}

/// Makes all changes of a client's settings or none, while everything in `given` holds. Returns the changed client.
///
/// # Errors
///
/// [`ClientsError::NoSuchClient`], [`ClientsError::Settings`], [`ClientsError::Outdated`], or the store's failure.
pub async fn change(
    clients: &Clients<'_>,
    id: &ClientId,
    given: &[Standing],
    changes: &[ClientChange],
) -> Result<Client, ClientsError> {
    match clients.store.change_client(id, given, changes).await? {
        ClientChanged::Done(client) => {
            clients.forget(id);
            let changes: Vec<_> = changes.iter().map(ClientChange::as_str).collect();
            tracing::info!(client = %id, changes = changes.join(" "), "a client was changed");
            Ok(*client)
        }
        ClientChanged::NoSuchClient => Err(ClientsError::NoSuchClient),
        ClientChanged::Invalid(error) => Err(error.into()),
        ClientChanged::Outdated => Err(ClientsError::Outdated),
    }
}

/// Replaces a client's secret, while everything in `given` holds. The old one is refused from then on.
///
/// # Errors
///
/// [`ClientsError::NoSuchClient`], [`ClientsError::NoSecret`], [`ClientsError::Outdated`], or the store's failure.
pub async fn rotate_secret(
    clients: &Clients<'_>,
    id: &ClientId,
    given: &[Standing],
) -> Result<WithSecret, ClientsError> {
    let mut client = find(clients, id).await?;
    let ClientAuthentication::Secret(method, _) = client.authentication else {
        return Err(ClientsError::NoSecret);
    };
    let (secret, hash) = ClientSecretHash::generate(clients.world);
    let new = ClientAuthentication::Secret(method, hash);
    if !clients.store.replace_client_authentication(id, given, &client.authentication, &new).await? {
        return Err(ClientsError::Outdated);
    }
    clients.forget(id);
    tracing::info!(client = %id, "a client's secret was replaced");
    client.authentication = new;
    Ok(WithSecret { client, secret: Some(secret) })
}

/// Removes a client and revokes its sessions, while everything in `given` holds.
///
/// # Errors
///
/// [`ClientsError::NoSuchClient`], [`ClientsError::Outdated`], or the store's failure.
pub async fn remove(
    clients: &Clients<'_>,
    id: &ClientId,
    given: &[Standing],
    how: &Revoked,
) -> Result<(), ClientsError> {
    match clients.store.remove_client(id, given, how).await? {
        ClientRemoved::Removed => {
            clients.forget(id);
            if let Some(app) = clients.server {
                revoke::update_list(app).await;
            }
            tracing::info!(client = %id, "a client was removed");
            Ok(())
        }
        ClientRemoved::NoSuchClient => Err(ClientsError::NoSuchClient),
        ClientRemoved::Outdated => Err(ClientsError::Outdated),
    }
}
