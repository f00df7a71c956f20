//! Changing one's own password: the old one is proved again, through the same throttle, and every other
//! session ends.

use countersign_core::session::{Revoked, RevokedReason};
use countersign_core::user::User;
use countersign_core::{Secret, SessionId};

use super::accounts::{self, AccountError};
use super::sign_in::{self, Credentials, SignInError};
use crate::app::App;
use crate::visitor::Visitor;

/// Why the password stays what it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The old one was not proved.
    #[error(transparent)]
    NotProved(#[from] SignInError),
    /// The new one cannot be set.
    #[error(transparent)]
    NotSet(#[from] AccountError),
}

/// Changes a signed-in user's password and ends all their sessions but `keep`.
///
/// # Errors
///
/// [`ChangePasswordError`].
pub async fn change(
    app: &App,
    (user, keep): (&User, SessionId),
    (old, new): (&Secret<String>, &Secret<String>),
    visitor: &Visitor,
) -> Result<(), ChangePasswordError> {
    let credentials = Credentials::new(user.username.as_str(), old);
    sign_in::authenticate(app, credentials, visitor).await?;
    set(app, user, new, Some(keep), visitor).await.map_err(ChangePasswordError::from)
}

/// Sets a password whose user has just proved the one before.
///
/// # Errors
///
/// [`AccountError`].
pub async fn set(
    app: &App,
    user: &User,
    new: &Secret<String>,
    keep: Option<SessionId>,
    visitor: &Visitor,
) -> Result<(), AccountError> {
    let by = visitor.presence.clone();
    let how = Revoked { reason: RevokedReason::PasswordChanged, by, presented: None };
    accounts::set_password(&app.directory(), user, new, (keep, how)).await
}
