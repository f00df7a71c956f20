//! The lab's own access to this server, which exists in development alone.
//!
//! A page cannot wait fifteen minutes for a token to expire, so the lab's
//! sessions live by terms of their own; everybody else's are not touched. It
//! opens sessions of the demo user without a password, as the tutorial's empty
//! `POST /getTokens` does, and sees the events of its own sessions alone.

use countersign_core::SessionId;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::signing_keys;
use countersign_core::store::StoreError;
use countersign_core::user::Username;
use countersign_token::{KeyId, Scope};

use super::open::{self, OpenError, Request};
use super::{InternalError, Pair};
use crate::app::App;
use crate::services::keyring::{Keeper, KeyringError};
use crate::services::lab::Lab;

/// Retired keys that stay published when the lab rotates.
const RETIRED: usize = 16;

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
    /// The pair cannot be made.
    #[error(transparent)]
    Internal(#[from] InternalError),
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
        OpenError::Internal(error) => error.into(),
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
