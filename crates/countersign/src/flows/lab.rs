//! The lab's access to this server. The lab exists in development only (`serve --dev`).
//!
//! A page cannot wait fifteen minutes for a token to expire, so sessions that the lab
//! opens have shorter lifetimes. Other sessions are not affected. The lab opens sessions
//! of the demo user without a password, like the tutorial's empty `POST /getTokens`. It
//! receives the events of its own sessions only.

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

/// Number of retired keys that stay published when the lab rotates the signing keys.
const RETIRED: usize = 16;

/// Why a request of the lab failed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The server does not run with `--dev`.
    #[error("the lab is available with --dev only")]
    Absent,
    /// The demo user was deleted or disabled.
    #[error("the demo user cannot sign in")]
    NoDemoUser,
    /// The server signs with one shared secret (HS256).
    #[error("the server signs with a shared secret, which cannot be rotated")]
    NoKeys,
    #[error("the signing keys cannot be rotated")]
    Keys(#[from] KeyringError),
    #[error("the store is unavailable")]
    Unavailable(#[from] StoreError),
    /// The server cannot sign or seal the tokens.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// # Errors
///
/// [`LabError::Absent`] when the server does not run with `--dev`.
pub fn of(app: &App) -> Result<&Lab, LabError> {
    app.lab.as_ref().ok_or(LabError::Absent)
}

/// Opens a session of the demo user for the lab's client.
///
/// # Errors
///
/// [`LabError::Absent`], [`LabError::NoDemoUser`], [`LabError::Unavailable`] and [`LabError::Internal`].
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

/// One of the lab's sessions. `None`: the session does not exist, or another client opened it.
///
/// # Errors
///
/// [`LabError::Absent`] and [`LabError::Unavailable`].
pub async fn session(app: &App, id: SessionId) -> Result<Option<SessionWithUser>, LabError> {
    let lab = of(app)?;
    let found = app.store.session(id).await?;
    Ok(found.filter(|row| row.session.grant.client == lab.client))
}

/// Makes the next signing key active and returns its id. Deletes all but the newest 16 retired keys, so that
/// the key set does not become too large for verifiers.
///
/// # Errors
///
/// [`LabError::Absent`], [`LabError::NoKeys`] and [`LabError::Keys`].
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
