//! Verifying a username and a password.
//!
//! Every rejection has the same response and costs one password hash, so a client cannot
//! tell an unknown user from a wrong password by the text or the time. The only exception
//! is a malformed password, which costs no hash. The throttle is checked before the hash.

use std::time::Duration;

use countersign_core::device::KnownDevice;
use countersign_core::password::{TypedPassword, Verified};
use countersign_core::store::{Standing, StoreError};
use countersign_core::user::{Password, User, Username};
use countersign_core::{Secret, UserId};

use super::InternalError;
use crate::app::App;
use crate::services::hash_pool::Busy;
use crate::visitor::Visitor;

/// A username and a password as the client sent them.
#[derive(Debug)]
pub struct Credentials {
    username: Option<Username>,
    password: Option<TypedPassword>,
}

/// A user whose password was just verified.
#[derive(Debug)]
pub struct Authenticated {
    /// The user.
    pub user: User,
    /// The verified password's hash and kind, as stored.
    pub password: Password,
}

impl Authenticated {
    /// The condition of a write that the password authorizes: the password is still the user's.
    pub fn standing(&self) -> Standing {
        Standing { password: Some(self.password.hash.clone()), ..Standing::of(&self.user) }
    }
}

/// Why credentials are rejected. Only the log has the reason, never a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The password is empty or longer than the limit.
    MalformedPassword,
    /// No user has this username.
    NoSuchUser,
    /// The user has no password.
    NoPassword(UserId),
    WrongPassword(UserId),
    /// The password is correct, but the user is disabled.
    Disabled(UserId),
    /// Another request changed the account while the credentials were verified.
    ChangedMeanwhile,
}

impl Refusal {
    /// The value of `reason` in the log.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::MalformedPassword => "malformed_password",
            Self::NoSuchUser => "no_such_user",
            Self::NoPassword(_) => "no_password",
            Self::WrongPassword(_) => "wrong_password",
            Self::Disabled(_) => "user_disabled",
            Self::ChangedMeanwhile => "changed_meanwhile",
        }
    }

    const fn user(&self) -> Option<&UserId> {
        match self {
            Self::NoPassword(user) | Self::WrongPassword(user) | Self::Disabled(user) => Some(user),
            Self::MalformedPassword | Self::NoSuchUser | Self::ChangedMeanwhile => None,
        }
    }
}

/// Why a user was not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The user is unknown or disabled, or the password is wrong or missing. The response does not say which.
    #[error("the username or the password is wrong")]
    Refused(Refusal),
    /// Too many attempts for this account or from this address. Holds the time to wait.
    #[error("too many sign-in attempts")]
    Throttled(Duration),
    /// The server cannot verify more passwords now. Holds the time to wait.
    #[error("the server is verifying too many passwords")]
    Busy(Duration),
    #[error("the store is unavailable")]
    Unavailable(#[from] StoreError),
    /// Another part of the server failed.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl From<Busy> for AuthenticationError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy.retry_after)
    }
}

impl Credentials {
    /// Parses the username and the password. A malformed username is kept as `None`, and verifying it costs a
    /// hash like any other.
    pub fn new(username: &str, password: &Secret<String>) -> Self {
        Self { username: Username::parse(username).ok(), password: TypedPassword::parse(password).ok() }
    }
}

/// Verifies credentials, within the limits of the throttle and of the hash pool.
///
/// # Errors
///
/// [`AuthenticationError::Refused`] for wrong credentials, [`AuthenticationError::Throttled`] and
/// [`AuthenticationError::Busy`] with the time to wait, [`AuthenticationError::Unavailable`] when the store
/// fails.
pub async fn authenticate(
    app: &App,
    credentials: Credentials,
    visitor: &Visitor,
) -> Result<Authenticated, AuthenticationError> {
    let proved = prove(app, credentials, visitor).await;
    let outcome = match &proved {
        Ok(_) => "signed_in",
        Err(AuthenticationError::Refused(_)) => "refused",
        Err(AuthenticationError::Throttled(_)) => "throttled",
        Err(AuthenticationError::Busy(_)) => "busy",
        Err(AuthenticationError::Unavailable(_) | AuthenticationError::Internal(_)) => "unavailable",
    };
    app.metrics.count_sign_in(outcome);
    let (user, reason) = match &proved {
        Ok(signed_in) => (Some(&signed_in.user.id), None),
        Err(AuthenticationError::Refused(refusal)) => (refusal.user(), Some(refusal.as_str())),
        Err(_) => (None, None),
    };
    let user = user.map(tracing::field::display);
    let address = visitor.presence.address.map(tracing::field::display);
    tracing::info!(outcome, reason, user, address, device = visitor.presence.device, "sign-in attempt");
    proved
}

async fn prove(
    app: &App,
    credentials: Credentials,
    visitor: &Visitor,
) -> Result<Authenticated, AuthenticationError> {
    let Credentials { username, password } = credentials;
    let _slot = app.hashing.take_slot(visitor.presence.address)?;
    let (user, device) = known_device(app, username.as_ref(), visitor).await?;
    let attempt =
        app.throttle.take(username.as_ref(), device, visitor).map_err(AuthenticationError::Throttled)?;
    let proved = prove_unthrottled(app, username.as_ref(), user, password).await;
    // Only rejected credentials count as an attempt. A correct password and a fault of the server do not.
    if !matches!(proved, Err(AuthenticationError::Refused(_))) {
        attempt.give_back();
    }
    proved
}

/// Returns the visitor's device if the account knows it, and the user that was read for this check. The store
/// is not read for a device token that this server did not issue.
async fn known_device(
    app: &App,
    username: Option<&Username>,
    visitor: &Visitor,
) -> Result<(Option<User>, Option<KnownDevice>), StoreError> {
    let token = username.zip(visitor.device_token.as_deref());
    let Some((name, device)) =
        token.and_then(|(name, text)| Some((name, KnownDevice::parse(text, name, &app.server_keys)?)))
    else {
        return Ok((None, None));
    };
    let user = app.store.user_by_name(name).await?;
    let is_known = user.as_ref().is_some_and(|user| device.is_of(user, &app.server_keys));
    Ok((user, is_known.then_some(device)))
}

async fn prove_unthrottled(
    app: &App,
    username: Option<&Username>,
    user: Option<User>,
    password: Option<TypedPassword>,
) -> Result<Authenticated, AuthenticationError> {
    // A malformed password is rejected before any expensive work.
    let password = password.ok_or(AuthenticationError::Refused(Refusal::MalformedPassword))?;
    let user = match user {
        Some(user) => Some(user),
        None => by_name(app, username).await?,
    };
    if let Some(signed_in) = verify(app, user, &password).await? {
        return Ok(signed_in);
    }
    // Another request replaced the hash: with a stronger hash of the same password, or with that of another
    // password.
    let user = by_name(app, username).await?;
    verify(app, user, &password).await?.ok_or(AuthenticationError::Refused(Refusal::ChangedMeanwhile))
}

async fn by_name(app: &App, username: Option<&Username>) -> Result<Option<User>, StoreError> {
    match username {
        Some(name) => app.store.user_by_name(name).await,
        None => Ok(None),
    }
}

/// Verifies a password and replaces a weak hash. `None`: another request replaced the hash in the meantime.
async fn verify(
    app: &App,
    user: Option<User>,
    password: &TypedPassword,
) -> Result<Option<Authenticated>, AuthenticationError> {
    let known = user.as_ref().and_then(|user| user.password.clone());
    let (verified, stronger) =
        app.hashing.verify(password.clone(), known.as_ref().map(|known| known.hash.clone())).await?;
    let refused = |refusal| Err(AuthenticationError::Refused(refusal));
    let Some(user) = user else { return refused(Refusal::NoSuchUser) };
    let Some(mut known) = known else { return refused(Refusal::NoPassword(user.id)) };
    if verified == Verified::Wrong {
        return refused(Refusal::WrongPassword(user.id));
    }
    if !user.is_enabled() {
        return refused(Refusal::Disabled(user.id));
    }
    if let Some(stronger) = stronger {
        if !app.store.rehash(&user.id, &known.hash, &stronger).await? {
            return Ok(None);
        }
        known.hash = stronger;
    }
    Ok(Some(Authenticated { user, password: known }))
}
