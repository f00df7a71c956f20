//! Verifying a username and a password.
//!
//! Every cause of a refusal gets the same response and costs one password hash, so a
//! client cannot tell an unknown user from a wrong password by text or time. The
//! throttle comes before the hash, the length limits come before the throttle.

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

/// A username and a password as they were typed.
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
    /// The verified password, as the store has it.
    pub password: Password,
}

impl Authenticated {
    /// The condition of a write that the password authorises: it is still the user's password.
    pub fn standing(&self) -> Standing {
        Standing { password: Some(self.password.hash.clone()), ..Standing::of(&self.user) }
    }
}

/// Why credentials are refused. Only the log says it, never a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The password is longer than any may be, or empty.
    MalformedPassword,
    /// No user has the name.
    NoSuchUser,
    /// The user has no password.
    NoPassword(UserId),
    /// The password is another one.
    WrongPassword(UserId),
    /// The password is right, and the user is disabled.
    Disabled(UserId),
    /// The account was changed while the credentials were verified.
    ChangedMeanwhile,
}

impl Refusal {
    /// Its name in the log.
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
    #[error("the credentials are not acceptable")]
    Refused(Refusal),
    /// Too many attempts for this account or from this address. Holds the time to wait.
    #[error("too many tries")]
    Throttled(Duration),
    /// More users sign in than passwords can be hashed. Holds the time to wait.
    #[error("too many people are signing in")]
    Busy(Duration),
    /// The store failed.
    #[error("the store could not answer")]
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
    /// Takes what was typed. What no account could have is kept as nothing, and costs the same.
    pub fn new(username: &str, password: &Secret<String>) -> Self {
        Self { username: Username::parse(username).ok(), password: TypedPassword::parse(password).ok() }
    }
}

/// Verifies credentials, within the limits of the throttle and of the hash pool.
///
/// # Errors
///
/// [`AuthenticationError::Refused`] for wrong credentials, [`AuthenticationError::Throttled`] and
/// [`AuthenticationError::Busy`] with the time to wait, [`AuthenticationError::Unavailable`] when the store fails.
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
    tracing::info!(
        outcome,
        reason,
        user,
        address,
        device = visitor.presence.device,
        "somebody signed in, or tried to"
    );
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
    let proved = prove_untried(app, (username.as_ref(), user), password).await;
    // Only a refusal counts: not a right password, and nothing that is the server's fault.
    if !matches!(proved, Err(AuthenticationError::Refused(_))) {
        attempt.give_back();
    }
    proved
}

/// The device that the visitor comes from, if the account knows it, and the user, who was looked up for that. A
/// device token that this server did not issue causes no look-up.
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

async fn prove_untried(
    app: &App,
    (username, user): (Option<&Username>, Option<User>),
    password: Option<TypedPassword>,
) -> Result<Authenticated, AuthenticationError> {
    // Longer than any password may be: refused before it costs anything.
    let password = password.ok_or(AuthenticationError::Refused(Refusal::MalformedPassword))?;
    let user = match user {
        Some(user) => Some(user),
        None => by_name(app, username).await?,
    };
    if let Some(signed_in) = verify(app, user, &password).await? {
        return Ok(signed_in);
    }
    // The hash was replaced at this moment: by a stronger one of the same password, or by one of another.
    let user = by_name(app, username).await?;
    verify(app, user, &password).await?.ok_or(AuthenticationError::Refused(Refusal::ChangedMeanwhile))
}

/// The user of a name that an account could have.
async fn by_name(app: &App, username: Option<&Username>) -> Result<Option<User>, StoreError> {
    match username {
        Some(name) => app.store.user_by_name(name).await,
        None => Ok(None),
    }
}

/// Verifies a password, and replaces a weak hash. `None`: the hash was replaced by another request meanwhile.
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
