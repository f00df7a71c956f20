//! Changing one's own account after proving the password once more.
//!
//! The password goes through the same throttle as at sign-in. What was proved is
//! a condition of the write: when an administrator resets the password, disables
//! the account or revokes the session in between, that change wins and this one
//! fails.

use countersign_core::session::{Revoked, RevokedReason};
use countersign_core::store::{Standing, UserChange};
use countersign_core::user::{PasswordKind, User};
use countersign_core::{Secret, SessionId};

use super::accounts::{self, AccountError, Directory, PasswordChange};
use super::authorize::Caller;
use super::sign_in::{self, Credentials, Refusal, SignInError, SignedIn};
use crate::app::App;
use crate::visitor::Visitor;

/// Why the account stays what it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The password was not proved.
    #[error(transparent)]
    NotProved(#[from] SignInError),
    /// The password is good for setting another one alone.
    #[error("a temporary password is only good for setting another one")]
    Temporary,
    /// The change cannot be made.
    #[error(transparent)]
    NotSet(#[from] AccountError),
}

/// Changes a signed-in user's password and ends all their sessions but this one.
///
/// # Errors
///
/// [`ChangePasswordError`].
pub async fn change(
    app: &App,
    caller: &Caller,
    (old, new): (&Secret<String>, &Secret<String>),
    visitor: &Visitor,
) -> Result<User, ChangePasswordError> {
    let (signed_in, standing) = prove(app, caller, old, visitor).await?;
    Ok(set(app, (&signed_in, &standing), (new, Some(caller.session.id)), visitor).await?)
}

/// Changes a signed-in user's account in another way.
///
/// # Errors
///
/// [`ChangePasswordError`].
pub async fn confirmed(
    app: &App,
    caller: &Caller,
    password: &Secret<String>,
    (changes, visitor): (&[UserChange], &Visitor),
) -> Result<User, ChangePasswordError> {
    let (signed_in, standing) = prove(app, caller, password, visitor).await?;
    if signed_in.password.kind == PasswordKind::Temporary {
        return Err(ChangePasswordError::Temporary);
    }
    Ok(accounts::change_user(&Directory::of(app), &signed_in.user.id, &[standing], changes).await?)
}

/// Sets a password whose user has just proved the one before, while `standing` holds.
///
/// # Errors
///
/// [`AccountError`].
async fn set(
    app: &App,
    (signed_in, standing): (&SignedIn, &Standing),
    (new, keep): (&Secret<String>, Option<SessionId>),
    visitor: &Visitor,
) -> Result<User, AccountError> {
    let by = visitor.presence.clone();
    let how = Revoked { reason: RevokedReason::PasswordChanged, by, presented: None };
    let change = PasswordChange { user: &signed_in.user, new, keep, how };
    accounts::set_password(&Directory::of(app), std::slice::from_ref(standing), change).await
}

/// Replaces the password on the way of a sign-in, if there is a new one. A temporary password needs one. Returns the
/// user as they are then, and what the session rests on.
///
/// # Errors
///
/// [`ChangePasswordError`].
pub async fn at_sign_in(
    app: &App,
    signed_in: SignedIn,
    new: Option<&Secret<String>>,
    visitor: &Visitor,
) -> Result<(User, Standing), ChangePasswordError> {
    let standing = signed_in.standing();
    match (new, signed_in.password.kind) {
        (Some(new), _) => {
            // The change ends every session of the user's epoch before it; the new session is for the epoch after.
            let user = set(app, (&signed_in, &standing), (new, None), visitor).await?;
            let standing = Standing::of(&user);
            Ok((user, standing))
        }
        (None, PasswordKind::Temporary) => Err(ChangePasswordError::Temporary),
        (None, PasswordKind::Lasting) => Ok((signed_in.user, standing)),
    }
}

/// Proves the password of the account that the caller is signed in to, and returns what the change rests on.
async fn prove(
    app: &App,
    caller: &Caller,
    password: &Secret<String>,
    visitor: &Visitor,
) -> Result<(SignedIn, Standing), ChangePasswordError> {
    let credentials = Credentials::new(caller.user.username.as_str(), password);
    let signed_in = sign_in::authenticate(app, credentials, visitor).await?;
    // The name may belong to another account by now.
    if signed_in.user.id != caller.user.id {
        return Err(SignInError::Refused(Refusal::ChangedMeanwhile).into());
    }
    let standing = Standing { session: Some(caller.session.id), ..signed_in.standing() };
    Ok((signed_in, standing))
}
