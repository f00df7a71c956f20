//! Making accounts, and passwords for them.

use countersign_core::password::{NewPassword, PasswordHash, Weakness};
use countersign_core::session::Revoked;
use countersign_core::store::{Added, Changed, Page, Standing, Store, StoreError, UserChange};
use countersign_core::user::email::{Email, Verification};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, UserError, Username};
use countersign_core::{ClientId, Secret, SessionId, Timestamp, UserId, World};

use crate::app::App;
use crate::services::hash_pool::{Busy, HashPool};

/// What making and changing accounts needs: less than a whole server, so that commands can do it too.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// Where accounts are.
    pub store: &'a dyn Store,
    /// Where passwords are hashed.
    pub hashing: &'a HashPool,
    /// Clock and random generator.
    pub world: &'a World,
}

impl<'a> Directory<'a> {
    /// The server's parts that accounts need.
    pub fn of(app: &'a App) -> Self {
        Self { store: &*app.store, hashing: &app.hashing, world: &app.world }
    }
}

/// An account to be made.
#[derive(Debug, Default)]
pub struct NewAccount {
    /// Its id; a new one is made when there is none.
    pub id: Option<UserId>,
    /// What its user signs in with.
    pub username: String,
    /// An e-mail address, and whether it is proved to be the user's.
    pub email: Option<(String, Verification)>,
    /// Claims of its user's own.
    pub claims: Option<serde_json::Value>,
    /// Whether its user is an administrator.
    pub role: Option<Role>,
    /// When it was disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// When it was made; now, when there is no time.
    pub created_at: Option<Timestamp>,
}

/// The password of a new account.
#[derive(Debug)]
pub enum FirstPassword {
    /// None: its user is authenticated by other means.
    None,
    /// One that its user chose.
    Chosen(Secret<String>),
    /// One that is generated, is told once, and must be replaced at the first sign-in.
    Temporary,
    /// One that is generated, is told once, and lasts.
    Generated,
    /// One whose hash another system made.
    Hashed(PasswordHash),
}

/// Why there is no such account or password.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Something about it is malformed.
    #[error(transparent)]
    Malformed(#[from] UserError),
    /// The password is not good enough.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Another user has the name, or has it as an id: commands take either.
    #[error("this username is taken, as a name or as an id")]
    NameTaken,
    /// Another user or client has the id, or a user has it as a name.
    #[error("this id is taken, as an id or as a name")]
    IdTaken,
    /// Another user has verified the e-mail address.
    #[error("another user has verified this e-mail address")]
    EmailTaken,
    /// The account or the caller's own was changed since the caller was verified; nothing was done.
    #[error("the account was changed meanwhile")]
    Outdated,
    /// Nobody has the id.
    #[error("there is no such user")]
    NoSuchUser,
    /// More passwords are being set than can be hashed.
    #[error("too many passwords are being hashed")]
    Busy(Busy),
    /// The store failed.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
}

impl From<Busy> for AccountError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

/// An account that was made, or can be.
#[derive(Debug)]
pub struct Made {
    /// Its user.
    pub user: User,
    /// The generated password, if one was: it is kept nowhere else.
    pub generated: Option<Secret<String>>,
}

/// Makes an account, while everything in `given` holds.
///
/// # Errors
///
/// [`AccountError`].
pub async fn add(
    directory: &Directory<'_>,
    given: &[Standing],
    account: NewAccount,
    first: FirstPassword,
) -> Result<Made, AccountError> {
    let made = draft(directory, account, first).await?;
    match directory.store.add_user(given, &made.user).await? {
        Added::Added => {
            tracing::info!(user = %made.user.id, "an account was made");
            Ok(made)
        }
        Added::NameTaken => Err(AccountError::NameTaken),
        Added::IdTaken => Err(AccountError::IdTaken),
        Added::EmailTaken => Err(AccountError::EmailTaken),
        Added::Outdated => Err(AccountError::Outdated),
    }
}

/// Checks an account and hashes its password, and adds nothing.
///
/// # Errors
///
/// [`AccountError`], for what can be told without the store.
pub async fn draft(
    directory: &Directory<'_>,
    account: NewAccount,
    first: FirstPassword,
) -> Result<Made, AccountError> {
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
    Ok(Made { user, generated })
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

/// A lasting password that is to be set for a user.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// Whose.
    pub user: &'a User,
    /// The new password; it differs from the one that the user has.
    pub new: &'a Secret<String>,
    /// The session that stays, if any.
    pub keep: Option<SessionId>,
    /// Who does it, and when.
    pub how: Revoked,
}

/// Sets a lasting password, while everything in `given` holds, and ends the user's other sessions. Returns the user
/// as they are then.
///
/// # Errors
///
/// [`AccountError`].
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

/// Gives a user a generated password that is good for setting another one alone, while everything in `given` holds,
/// and ends their sessions.
///
/// # Errors
///
/// [`AccountError`].
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

/// Changes a user, all at once, while everything in `given` holds. Returns the user as they are then.
///
/// # Errors
///
/// [`AccountError`].
pub async fn change_user(
    directory: &Directory<'_>,
    id: &UserId,
    given: &[Standing],
    changes: &[UserChange],
) -> Result<User, AccountError> {
    match directory.store.change_user(id, given, changes).await? {
        Changed::Done(user) => {
            let changes: Vec<_> = changes.iter().map(UserChange::as_str).collect();
            tracing::info!(user = %user.id, changes = changes.join(" "), "an account was changed");
            Ok(*user)
        }
        Changed::NoSuchUser => Err(AccountError::NoSuchUser),
        Changed::EmailTaken => Err(AccountError::EmailTaken),
        Changed::Outdated => Err(AccountError::Outdated),
    }
}

/// The words that may not be a password.
fn context_of(username: &Username, email: Option<&Email>) -> Vec<String> {
    [Some(username.as_str()), email.map(Email::address)].into_iter().flatten().map(str::to_owned).collect()
}

async fn temporary(directory: &Directory<'_>) -> Result<(Password, Secret<String>), AccountError> {
    let text = NewPassword::generate(directory.world);
    let hash = directory.hashing.hash(&text, Vec::new(), None).await??;
    Ok((Password { hash, kind: PasswordKind::Temporary }, text))
}

/// One user.
///
/// # Errors
///
/// [`AccountError::NoSuchUser`], or the store's failure.
pub async fn find(directory: &Directory<'_>, id: &UserId) -> Result<User, AccountError> {
    directory.store.user(id).await?.ok_or(AccountError::NoSuchUser)
}

/// A piece of the users.
///
/// # Errors
///
/// The store's failure.
pub async fn page(directory: &Directory<'_>, page: &Page<UserId>) -> Result<Vec<User>, AccountError> {
    Ok(directory.store.users(page).await?)
}
