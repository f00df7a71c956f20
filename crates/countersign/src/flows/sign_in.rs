//! Sign-in with a username and a password.
//!
//! The write that opens the session requires that the verified password is still current.
//! If another request changes the account in between, the sign-in fails.

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
    /// The requested scope. `countersign:account` is always granted in addition.
    pub scope: Scope,
}

/// A user who is signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The tokens.
    pub pair: Pair,
    /// A token that marks the device as known to the account, see [`KnownDevice`].
    pub device_token: Secret<String>,
}

/// Why a user was not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The username or password was rejected, or the server cannot verify it now.
    #[error(transparent)]
    NotAuthenticated(#[from] AuthenticationError),
    /// The request asks for a scope that the user is not allowed to have.
    #[error("the user is not allowed to have this scope")]
    ScopeNotAllowed,
    /// The password is temporary and the request has no new one, or the new one was rejected.
    #[error(transparent)]
    PasswordNotChanged(#[from] ChangePasswordError),
}

impl From<OpenError> for SignInError {
    fn from(error: OpenError) -> Self {
        let error = match error {
            OpenError::Unavailable(error) => error.into(),
            OpenError::Internal(error) => AuthenticationError::Internal(error),
            // The account was changed after its password was verified, so the credentials are no longer
            // valid.
            _ => AuthenticationError::Refused(Refusal::ChangedMeanwhile),
        };
        Self::NotAuthenticated(error)
    }
}

/// Authenticates a user, sets a new password if one was sent, and opens a session.
///
/// # Errors
///
/// [`SignInError`]. The flow checks the scope and whether the password is temporary after it has verified the
/// password. So a client without the password learns neither.
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

/// Issues a device token. Call it only for a device on which the user has just proved the password.
pub fn device_token(app: &App, user: &User) -> Secret<String> {
    KnownDevice::issue(user, &app.server_keys, &app.world)
}

/// First-party sign-ins accept two scopes: `countersign:account`, and `countersign:admin` for administrators.
fn check_scope(scope: &Scope, user: &User) -> Result<(), SignInError> {
    let is_known = scope.iter().all(|word| [ACCOUNT_SCOPE, ADMIN_SCOPE].contains(&word));
    let is_allowed = is_known && scope.is_subset_of(&effective_scope(scope, user));
    is_allowed.then_some(()).ok_or(SignInError::ScopeNotAllowed)
}
