//! The lab's own access to this server, which exists in development alone.
//!
//! A page cannot wait fifteen minutes for a token to expire, so the lab's
//! sessions live by terms of their own; everybody else's are not touched. It
//! opens sessions of the demo user without a password, as the tutorial's empty
//! `POST /getTokens` does, and sees the events of its own sessions alone.

use std::time::Duration;

use countersign_core::client::{Client, ClientAuthentication, ClientSecretHash, SecretMethod};
use countersign_core::refresh::RefreshPolicy;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::signing_keys::{self, KeyPolicy};
use countersign_core::store::StoreError;
use countersign_core::user::Username;
use countersign_core::{ClientId, Secret, SessionId};
use countersign_token::{KeyId, Scope};
use tokio::sync::watch;

use super::Pair;
use super::open::{self, OpenError, Request};
use crate::app::{App, Terms};
use crate::operations::keyring::{Keeper, KeyringError};

/// An access token of the lab lives no longer.
const LIFETIME: Duration = Duration::from_secs(30);

/// A spent refresh token of the lab is answered for no longer.
const GRACE: Duration = Duration::from_secs(10);

/// Retired keys that stay published when the lab rotates.
const RETIRED: usize = 16;

/// What the lab has of its own.
pub struct Lab {
    /// The client of its sessions.
    pub client: ClientId,
    /// How they live.
    pub terms: Terms,
    /// As whom it introspects. In memory alone, with another secret in each process.
    pub introspector: Client,
    /// That client's secret.
    pub secret: Secret<String>,
    /// How signing keys rotate; `None` when they are a shared secret.
    key_policy: Option<KeyPolicy>,
    /// Set when the lab asks for a new process.
    restart: watch::Sender<bool>,
}

/// Why the lab was not served.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// There is no lab: this is no server for development.
    #[error("there is no lab here")]
    Absent,
    /// The demo user is gone or disabled.
    #[error("the demo user cannot sign in")]
    NoDemoUser,
    /// One shared secret signs: there are no keys to rotate.
    #[error("there are no signing keys that rotate")]
    NoKeys,
    /// The signing keys cannot be changed now.
    #[error("the signing keys cannot be rotated")]
    Keys(#[from] KeyringError),
    /// The store failed.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
}

impl Lab {
    /// The lab of a server: as the server is configured, only shorter.
    pub fn new(app: &App, key_policy: Option<KeyPolicy>) -> Self {
        let mut issuer = app.terms.issuer.clone();
        issuer.lifetime = issuer.lifetime.min(LIFETIME);
        issuer.jitter = Duration::ZERO;
        let policy = RefreshPolicy { grace: app.terms.policy.grace.min(GRACE), ..app.terms.policy };
        let (secret, hash) = ClientSecretHash::generate(&app.world);
        let introspector = Client {
            id: ClientId::lab_api(),
            authentication: ClientAuthentication::Secret(SecretMethod::Basic, hash),
            audiences: vec![app.audience.clone()],
            created_at: app.world.now(),
        };
        let terms = Terms { issuer, policy };
        Self {
            client: ClientId::lab(),
            terms,
            introspector,
            secret,
            key_policy,
            restart: watch::Sender::new(false),
        }
    }

    /// Asks for a new process.
    pub fn ask_for_restart(&self) {
        self.restart.send_replace(true);
    }

    /// Waits until somebody has.
    pub async fn restart_asked(&self) {
        // The sender is ours, so there is no end but this one.
        self.restart.subscribe().wait_for(|is_asked| *is_asked).await.ok();
    }
}

/// The lab, where there is one.
///
/// # Errors
///
/// [`LabError::Absent`].
pub fn of(app: &App) -> Result<&Lab, LabError> {
    app.lab.as_ref().ok_or(LabError::Absent)
}

/// Opens a session of the demo user.
///
/// # Errors
///
/// [`LabError`].
pub async fn open_session(app: &App, by: &Presence) -> Result<Pair, LabError> {
    let lab = of(app)?;
    let demo = app.demo.as_ref().and_then(|demo| Username::parse(&demo.username).ok());
    let demo = demo.ok_or(LabError::Absent)?;
    let user = app.store.user_by_name(&demo).await?.ok_or(LabError::NoDemoUser)?;
    let request = Request { client: lab.client.clone(), ..Request::first_party(&Scope::default()) };
    open::open(app, &user, request, by, open::Terms::default()).await.map_err(|error| match error {
        OpenError::Unavailable(error) => error.into(),
        _ => LabError::NoDemoUser,
    })
}

/// One of the lab's sessions. `None`: there is none, or it is somebody else's.
///
/// # Errors
///
/// [`LabError`].
pub async fn session(app: &App, id: SessionId) -> Result<Option<SessionWithUser>, LabError> {
    let lab = of(app)?;
    let found = app.store.session(id).await?;
    Ok(found.filter(|row| row.session.grant.client == lab.client))
}

/// Lets the next signing key sign from now on; answers which. Keys that many rotations ago signed are forgotten: a set
/// that grew with each would be too large for verifiers.
///
/// # Errors
///
/// [`LabError`].
pub async fn rotate_key(app: &App) -> Result<KeyId, LabError> {
    let policy = of(app)?.key_policy.ok_or(LabError::NoKeys)?;
    let keeper = Keeper { store: &*app.store, server_keys: &app.server_keys, policy, world: &app.world };
    let ring = keeper.rotate().await?;
    for forgotten in signing_keys::retired_beyond(&ring.keys, RETIRED) {
        keeper.retire(forgotten).await?;
    }
    let keys = keeper.keep().await?;
    let key_id = keys.signing.key_id().clone();
    app.keyring.replace(keys);
    Ok(key_id)
}
