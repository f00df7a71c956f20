//! Changes of a user's own account that require the current password.
//!
//! Verifying the password counts against the same throttle as a sign-in. The write requires
//! that the verified password and the session are still current. If an administrator resets
//! the password, disables the account or revokes the session in between, the change fails.

use countersign_core::session::{Revoked, RevokedReason};
use countersign_core::store::{Standing, UserChange};
use countersign_core::user::{PasswordKind, User};
use countersign_core::{Secret, SessionId};

use super::accounts::{self, AccountError, Directory, PasswordChange};
use super::authenticate_user::{self, Authenticated, AuthenticationError, Credentials, Refusal};
use super::authorize::Caller;
use crate::app::App;
use crate::visitor::Visitor;

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password was rejected, or the server cannot verify it now.
    #[error(transparent)]
    NotProved(#[from] AuthenticationError),
    /// The password is temporary: the user must set a new one first.
    #[error("a temporary password can only be used to set a new password")]
    Temporary,
    /// The new value was rejected, or the write failed.
    #[error(transparent)]
    NotSet(#[from] AccountError),
}

/// A user's account, and the condition of writes to it.
#[derive(Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// What must still be true when the server writes.
    pub standing: Standing,
}

/// A password that replaces the current one.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The password that the user has now.
    pub current: &'a Secret<String>,
    /// The password to set.
    pub new: &'a Secret<String>,
}

/// Changes a signed-in user's password and revokes all the user's sessions except the caller's. Returns the
/// changed user.
///
/// # Errors
///
/// [`ChangePasswordError::NotProved`] and [`ChangePasswordError::NotSet`]. Nothing was changed.
pub async fn change(
    app: &App,
    caller: &Caller,
    passwords: Replacement<'_>,
    visitor: &Visitor,
) -> Result<User, ChangePasswordError> {
    let (authenticated, standing) = prove(app, caller, passwords.current, visitor).await?;
    let account = Account { user: authenticated.user, standing };
    Ok(set(app, &account, passwords.new, Some(caller.session.id), visitor).await?)
}

/// Applies `change` to a signed-in user's account after verifying `password`. Returns the changed user.
///
/// # Errors
///
/// [`ChangePasswordError`]: the password is wrong, throttled or temporary, or the change was rejected.
/// Nothing was changed.
pub async fn confirmed(
    app: &App,
    caller: &Caller,
    password: &Secret<String>,
    change: UserChange,
    visitor: &Visitor,
) -> Result<User, ChangePasswordError> {
    let (authenticated, standing) = prove(app, caller, password, visitor).await?;
    if authenticated.password.kind == PasswordKind::Temporary {
        return Err(ChangePasswordError::Temporary);
    }
    let user = &authenticated.user.id;
    Ok(accounts::change_user(&Directory::of(app), user, &[standing], &[change]).await?)
}

/// Sets the new password of a sign-in request, if it has one. A temporary password requires a new one.
/// Returns the account after the change.
///
/// # Errors
///
/// [`ChangePasswordError::Temporary`] when the password is temporary and the request has no new one,
/// [`ChangePasswordError::NotSet`] when the new password cannot be set.
pub async fn at_sign_in(
    app: &App,
    authenticated: Authenticated,
    new: Option<&Secret<String>>,
    visitor: &Visitor,
) -> Result<Account, ChangePasswordError> {
    let standing = authenticated.standing();
    match (new, authenticated.password.kind) {
        (Some(new), _) => {
            let account = Account { user: authenticated.user, standing };
            // The change revokes all sessions of the user's current epoch. The new session belongs to the
            // next epoch.
            let user = set(app, &account, new, None, visitor).await?;
            Ok(Account { standing: Standing::of(&user), user })
        }
        (None, PasswordKind::Temporary) => Err(ChangePasswordError::Temporary),
        (None, PasswordKind::Lasting) => Ok(Account { user: authenticated.user, standing }),
    }
}

/// Sets a password and revokes the user's sessions except `keep`, if the account's standing is still true.
async fn set(
    app: &App,
    account: &Account,
    new: &Secret<String>,
    keep: Option<SessionId>,
    visitor: &Visitor,
) -> Result<User, AccountError> {
    let by = visitor.presence.clone();
    let how = Revoked { reason: RevokedReason::PasswordChanged, by, presented: None };
    let change = PasswordChange { user: &account.user, new, keep, how };
    accounts::set_password(&Directory::of(app), std::slice::from_ref(&account.standing), change).await
}

/// Verifies the password of the caller's account. Also returns the condition of the change.
async fn prove(
    app: &App,
    caller: &Caller,
    password: &Secret<String>,
    visitor: &Visitor,
) -> Result<(Authenticated, Standing), ChangePasswordError> {
    let credentials = Credentials::new(caller.user.username.as_str(), password);
    let authenticated = authenticate_user::authenticate(app, credentials, visitor).await?;
    // Another account may have taken the name since the caller signed in.
    if authenticated.user.id != caller.user.id {
        return Err(AuthenticationError::Refused(Refusal::ChangedMeanwhile).into());
    }
    let standing = Standing { session: Some(caller.session.id), ..authenticated.standing() };
    Ok((authenticated, standing))
}
