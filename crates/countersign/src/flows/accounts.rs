//! Creating and changing accounts, and setting passwords.

use countersign_core::password::{NewPassword, PasswordHash, Weakness};
use countersign_core::session::Revoked;
use countersign_core::store::{Added, Changed, Page, Standing, Store, StoreError, UserChange};
use countersign_core::user::email::{Email, Verification};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, UserError, Username};
use countersign_core::{ClientId, Secret, SessionId, Timestamp, UserId, World};

use super::revoke;
use crate::app::App;
use crate::services::hash_pool::{Busy, HashPool};

/// The parts of the server that account flows need. Commands use these flows without a running server.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// The store of the accounts.
    pub store: &'a dyn Store,
    /// The pool that hashes passwords.
    pub hashing: &'a HashPool,
    /// Clock and random generator.
    pub world: &'a World,
    /// The running server, whose revocation list a change updates. `None` for a command.
    pub server: Option<&'a App>,
}

impl<'a> Directory<'a> {
    pub fn of(app: &'a App) -> Self {
        Self { store: &*app.store, hashing: &app.hashing, world: &app.world, server: Some(app) }
    }
}

/// An account to create.
#[derive(Debug, Default)]
pub struct NewAccount {
    /// Default: a new id.
    pub id: Option<UserId>,
    /// The name that the user signs in with, not validated yet.
    pub username: String,
    /// An e-mail address, and whether it is verified to belong to the user.
    pub email: Option<(String, Verification)>,
    /// The user's own claims: a JSON object, not validated yet.
    pub claims: Option<serde_json::Value>,
    /// Default: `user`.
    pub role: Option<Role>,
    /// `Some` creates a disabled account.
    pub disabled_at: Option<Timestamp>,
    /// Default: now.
    pub created_at: Option<Timestamp>,
}

/// The password of a new account.
#[derive(Debug)]
pub enum FirstPassword {
    /// The user has no password and is authenticated by other means.
    None,
    /// A password that the user chose.
    Chosen(Secret<String>),
    /// A generated password, shown once. The user must replace it at the first sign-in.
    Temporary,
    /// A generated password, shown once. The user does not have to replace it.
    Generated,
    /// A hash from another system.
    Hashed(PasswordHash),
}

/// Why an account was not created or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The username, the e-mail address or the claims are malformed.
    #[error(transparent)]
    Malformed(#[from] UserError),
    /// The password is too weak.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Another user has this text as a username or as an id. Commands accept either, so both must be unique.
    #[error("this username is taken, or is another user's id")]
    NameTaken,
    /// Another user or client has this id, or a user has it as a username.
    #[error("this id is taken, or is another user's username")]
    IdTaken,
    /// Another user has verified the e-mail address.
    #[error("another user has verified this e-mail address")]
    EmailTaken,
    /// The account, or the caller's own account, changed after the caller was verified. Nothing was changed.
    #[error("another request changed the account in the meantime")]
    Outdated,
    /// No user has this id.
    #[error("the user does not exist")]
    NoSuchUser,
    /// The server cannot hash more passwords now.
    #[error("the server is hashing too many passwords")]
    Busy(Busy),
    /// The store failed.
    #[error("the store is unavailable")]
    Unavailable(#[from] StoreError),
}

impl From<Busy> for AccountError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

/// An account that was created ([`add`]) or checked ([`draft`]).
#[derive(Debug)]
pub struct NewUser {
    /// The user.
    pub user: User,
    /// The generated password, if one was requested. The server keeps only its hash.
    pub generated: Option<Secret<String>>,
}

/// Creates an account, if everything in `given` is still true.
///
/// # Errors
///
/// [`AccountError`]: the account is malformed, its password is weak, or its name, id or e-mail address is
/// taken; [`AccountError::Outdated`] when `given` is not true any more.
pub async fn add(
    directory: &Directory<'_>,
    given: &[Standing],
    account: NewAccount,
    first: FirstPassword,
) -> Result<NewUser, AccountError> {
    let made = draft(directory, account, first).await?;
    match directory.store.add_user(given, &made.user).await? {
        Added::Added => {
            tracing::info!(user = %made.user.id, "an account was created");
            Ok(made)
        }
        Added::NameTaken => Err(AccountError::NameTaken),
        Added::IdTaken => Err(AccountError::IdTaken),
        Added::EmailTaken => Err(AccountError::EmailTaken),
        Added::Outdated => Err(AccountError::Outdated),
    }
}

/// Checks an account and hashes its password, without a write.
///
/// # Errors
///
/// The [`AccountError`]s that do not depend on the store.
pub async fn draft(
    directory: &Directory<'_>,
    account: NewAccount,
    first: FirstPassword,
) -> Result<NewUser, AccountError> {
    if account.id.as_ref().is_some_and(|id| ClientId::from(id).is_reserved()) {
        return Err(AccountError::IdTaken);
    }
    let username = Username::new(&account.username)?;
    let email = account.email.map(|(text, verification)| Email::parse(&text, verification)).transpose()?;
    let claims = account.claims.map(UserClaims::check).transpose()?.unwrap_or_default();
    let (password, generated) = first_password(directory, first, &username, email.as_ref()).await?;
    let user = User {
        id: account.id.unwrap_or_else(|| UserId::new(directory.world)),
        username,
        email,
        password,
        claims,
        role: account.role.unwrap_or(Role::User),
        disabled_at: account.disabled_at,
        epoch: 0,
        sessions_ended_at: None,
        created_at: account.created_at.unwrap_or_else(|| directory.world.now()),
    };
    Ok(NewUser { user, generated })
}

async fn first_password(
    directory: &Directory<'_>,
    first: FirstPassword,
    username: &Username,
    email: Option<&Email>,
) -> Result<(Option<Password>, Option<Secret<String>>), AccountError> {
    match first {
        FirstPassword::None => Ok((None, None)),
        FirstPassword::Chosen(text) => {
            let hash = directory.hashing.hash(&text, context_of(username, email), None).await??;
            Ok((Some(Password { hash, kind: PasswordKind::Lasting }), None))
        }
        FirstPassword::Temporary => {
            let (password, text) = temporary(directory).await?;
            Ok((Some(password), Some(text)))
        }
        FirstPassword::Generated => {
            let (password, text) = temporary(directory).await?;
            Ok((Some(Password { kind: PasswordKind::Lasting, ..password }), Some(text)))
        }
        FirstPassword::Hashed(hash) => Ok((Some(Password { hash, kind: PasswordKind::Lasting }), None)),
    }
}

/// A new lasting password for a user.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// The user, whose username and e-mail address the password must not resemble.
    pub user: &'a User,
    /// The new password. It must differ from the current one.
    pub new: &'a Secret<String>,
    /// A session that is not revoked.
    pub keep: Option<SessionId>,
    /// The reason, the client and the time of the revocation of the other sessions.
    pub how: Revoked,
}

/// Sets a lasting password and revokes the user's other sessions, if everything in `given` is still true.
/// Returns the changed user.
///
/// # Errors
///
/// [`AccountError::Weak`], [`AccountError::NoSuchUser`], [`AccountError::Outdated`], [`AccountError::Busy`]
/// and [`AccountError::Unavailable`].
pub async fn set_password(
    directory: &Directory<'_>,
    given: &[Standing],
    PasswordChange { user, new, keep, how }: PasswordChange<'_>,
) -> Result<User, AccountError> {
    let context = context_of(&user.username, user.email.as_ref());
    let old = user.password.as_ref().map(|password| password.hash.clone());
    let hash = directory.hashing.hash(new, context, old).await??;
    let password = Password { hash, kind: PasswordKind::Lasting };
    let change = UserChange::SetPassword { password, keep, how };
    change_user(directory, &user.id, given, &[change]).await
}

/// Sets a generated temporary password and revokes the user's sessions, if everything in `given` is still
/// true. Returns the password, which the user must replace at the next sign-in.
///
/// # Errors
///
/// [`AccountError::NoSuchUser`], [`AccountError::Outdated`], [`AccountError::Busy`] and
/// [`AccountError::Unavailable`].
pub async fn reset_password(
    directory: &Directory<'_>,
    given: &[Standing],
    id: &UserId,
    how: Revoked,
) -> Result<Secret<String>, AccountError> {
    let (password, text) = temporary(directory).await?;
    let change = UserChange::SetPassword { password, keep: None, how };
    change_user(directory, id, given, &[change]).await?;
    Ok(text)
}

/// Applies all `changes` to a user in one write, if everything in `given` is still true. Returns the changed
/// user.
///
/// # Errors
///
/// [`AccountError::NoSuchUser`], [`AccountError::EmailTaken`], [`AccountError::Malformed`] if the claims do not fit
/// together with those of a session, [`AccountError::Outdated`] and [`AccountError::Unavailable`].
pub async fn change_user(
    directory: &Directory<'_>,
    id: &UserId,
    given: &[Standing],
    changes: &[UserChange],
) -> Result<User, AccountError> {
    match directory.store.change_user(id, given, changes).await? {
        Changed::Done(user) => {
            if let Some(app) = directory.server {
                revoke::update_list(app).await;
            }
            let changes: Vec<_> = changes.iter().map(UserChange::as_str).collect();
            tracing::info!(user = %user.id, changes = changes.join(" "), "an account was changed");
            Ok(*user)
        }
        Changed::NoSuchUser => Err(AccountError::NoSuchUser),
        Changed::EmailTaken => Err(AccountError::EmailTaken),
        Changed::ClaimsTooLarge => Err(UserError::JointClaimsSize.into()),
        Changed::Outdated => Err(AccountError::Outdated),
    }
}

/// Words that a password must not consist of.
fn context_of(username: &Username, email: Option<&Email>) -> Vec<String> {
    [Some(username.as_str()), email.map(Email::address)].into_iter().flatten().map(str::to_owned).collect()
}

async fn temporary(directory: &Directory<'_>) -> Result<(Password, Secret<String>), AccountError> {
    let text = NewPassword::generate(directory.world);
    let hash = directory.hashing.hash(&text, Vec::new(), None).await??;
    Ok((Password { hash, kind: PasswordKind::Temporary }, text))
}

/// The user `id`.
///
/// # Errors
///
/// [`AccountError::NoSuchUser`] and [`AccountError::Unavailable`].
pub async fn find(directory: &Directory<'_>, id: &UserId) -> Result<User, AccountError> {
    directory.store.user(id).await?.ok_or(AccountError::NoSuchUser)
}

/// A page of the users.
///
/// # Errors
///
/// [`AccountError::Unavailable`].
pub async fn page(directory: &Directory<'_>, page: &Page<UserId>) -> Result<Vec<User>, AccountError> {
    Ok(directory.store.users(page).await?)
}
