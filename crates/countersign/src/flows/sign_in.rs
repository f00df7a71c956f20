//! Signing in: from a username and a password to a session.
//!
//! The verified password is a condition of the write that opens the session. A change of
//! the account in between wins, and the sign-in fails.

use countersign_core::Secret;
use countersign_core::device::KnownDevice;
use countersign_core::issuer::{ACCOUNT_SCOPE, ADMIN_SCOPE, effective_scope};
use countersign_core::user::User;
use countersign_token::Scope;

use super::Pair;
use super::authenticate_user::{self, AuthenticationError, Credentials, Refusal};
use super::change_password::{self, Account, ChangePasswordError};
use super::open::{self, OpenError, Request, Terms};
use crate::app::App;
use crate::visitor::Visitor;

/// A request to sign in.
#[derive(Debug)]
pub struct SignIn {
    /// The username and the password.
    pub credentials: Credentials,
    /// A new password to set at the same time. A temporary password requires one.
    pub new_password: Option<Secret<String>>,
    /// The scope that is asked for. The account's own scope is always granted.
    pub scope: Scope,
}

/// A user who is signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The tokens.
    pub pair: Pair,
    /// A token that makes the device known to the account, see [`KnownDevice`].
    pub device_token: Secret<String>,
}

/// Why a user was not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The username or password was refused, or cannot be verified now.
    #[error(transparent)]
    NotAuthenticated(#[from] AuthenticationError),
    /// The user may not have the scope.
    #[error("the user may not have this scope")]
    ScopeNotAllowed,
    /// The password is temporary and no new one was sent, or the new one was not accepted.
    #[error(transparent)]
    PasswordNotChanged(#[from] ChangePasswordError),
}

impl From<OpenError> for SignInError {
    fn from(error: OpenError) -> Self {
        let error = match error {
            OpenError::Unavailable(error) => error.into(),
            OpenError::Internal(error) => AuthenticationError::Internal(error),
            // The account was changed after its password was verified, so the credentials are no longer valid.
            _ => AuthenticationError::Refused(Refusal::ChangedMeanwhile),
        };
        Self::NotAuthenticated(error)
    }
}

/// Authenticates a user, sets a new password if one was sent, and opens a session.
///
/// # Errors
///
/// [`SignInError`]. Only a user whose password was verified learns that a scope is not allowed or that the password is
/// temporary.
pub async fn sign_in(app: &App, request: SignIn, visitor: &Visitor) -> Result<SignedIn, SignInError> {
    let SignIn { credentials, new_password, scope } = request;
    let authenticated = authenticate_user::authenticate(app, credentials, visitor).await?;
    check_scope(&scope, &authenticated.user)?;
    let Account { user, standing } =
        change_password::at_sign_in(app, authenticated, new_password.as_ref(), visitor).await?;
    let terms = Terms { given: &[standing], ..Terms::default() };
    let pair = open::open(app, &user, Request::first_party(&scope), &visitor.presence, terms).await?;
    Ok(SignedIn { pair, device_token: device_token(app, &user) })
}

/// A token that makes a device known to the account of a user who has just proved the password there.
pub fn device_token(app: &App, user: &User) -> Secret<String> {
    KnownDevice::issue(user, &app.server_keys, &app.world)
}

/// First-party sign-ins have two scopes: the user's own account, and administration for those who have that role.
fn check_scope(scope: &Scope, user: &User) -> Result<(), SignInError> {
    let is_known = scope.iter().all(|word| [ACCOUNT_SCOPE, ADMIN_SCOPE].contains(&word));
    let is_allowed = is_known && scope.is_subset_of(&effective_scope(scope, user));
    is_allowed.then_some(()).ok_or(SignInError::ScopeNotAllowed)
}
