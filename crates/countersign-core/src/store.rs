//! The port to a store: atomic verbs, not rows to edit.
//!
//! Each verb is one transaction. Apart from revocation, no write relies on an
//! earlier read: the caller passes the conditions that it verified before, as
//! [`Standing`]s or as the value that is replaced, and the store checks them in the
//! transaction of the write. When a verb returns `Ok`, its write is durable; only
//! [`Rotated`] becomes durable later, and gives nothing out before. When a verb
//! fails with [`StoreError`], its write may or may not have happened, and calling
//! the verb again is safe.

mod accounts;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientAuthentication, ClientChange, SettingsError};
use crate::password::{PasswordHash, Work};
use crate::refresh::Step;
use crate::revocation::{Revocation, TokenLife};
use crate::session::{Presence, Revoked, Session, SessionWithUser, Whose};
use crate::signing_keys::StoredKey;
use crate::user::{User, Username};
use crate::{ClientId, SessionId, Timestamp, UserId};
pub use accounts::{Changed, History, Standing, UserChange};

/// The store failed, for example because of a full disk, a lost connection or an unreadable file.
#[derive(Debug)]
pub struct StoreError {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of a verb.
pub type Answer<T> = Result<T, StoreError>;

/// A store of users, sessions and signing keys.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a user, if all of `given` holds.
    async fn add_user(&self, given: &[Standing], user: &User) -> Answer<Added>;
    /// Adds users in one transaction. Returns one result for each user, in order, also for a dry run.
    async fn import_users(&self, users: &[User], mode: ImportMode) -> Answer<Vec<Added>>;
    async fn user(&self, id: &UserId) -> Answer<Option<User>>;
    /// Finds a user by the key of a name.
    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>>;
    /// A page of users, in the order of their ids.
    async fn users(&self, page: &Page<UserId>) -> Answer<Vec<User>>;
    /// Makes all `changes` of a user, or none, if all of `given` holds. Ends the user's sessions if a change
    /// requires it: see [`UserChange::ends_sessions`].
    async fn change_user(&self, id: &UserId, given: &[Standing], changes: &[UserChange]) -> Answer<Changed>;
    /// Replaces a password hash by a stronger hash of the same password, if it is still `old`. `false`: it is
    /// not.
    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Answer<bool>;
    /// The greatest work of each function among all imported hashes.
    async fn imported_work(&self) -> Answer<Work>;

    /// Opens a session, and spends the single-use token `spending` in the same transaction. The user must be
    /// enabled and have the session's epoch, the client must be registered or reserved, the claims must fit
    /// together with the user's, and all of `given` must hold.
    async fn open(
        &self,
        session: &Session,
        given: &[Standing],
        spending: Option<&SingleUse>,
    ) -> Answer<Opened>;
    /// A session and its user, read from the primary.
    async fn session(&self, id: SessionId) -> Answer<Option<SessionWithUser>>;
    /// A page of sessions, in the order of their ids.
    async fn sessions(&self, of: &Whose, page: &Page<SessionId>) -> Answer<Vec<SessionWithUser>>;
    /// Applies a step, if the row meets [`Step::is_met_by`] at `by.at`. `None`: it does not, and nothing was
    /// changed.
    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>>;
    /// Revokes one session of `of`, and adds it to the revocation list. `false`: `of` does not include the
    /// session, or it was revoked before.
    async fn revoke(&self, id: SessionId, of: &Whose, how: &Revoked) -> Answer<bool>;
    /// Revokes all sessions of `of` except one, adds them to the revocation list, and returns how many there
    /// were. If `of` is a user or everyone, their epoch increases, so that a session that is opened
    /// concurrently for the epoch before ends as well.
    async fn revoke_all(&self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> Answer<u64>;
    /// Deletes the sessions of a page that ended before `before`, and all single-use tokens that expired
    /// before it. A revoked session counts as ended at its absolute expiry.
    async fn sweep(&self, before: Timestamp, page: &Page<SessionId>) -> Answer<Swept>;

    /// The revocations after the one with the number `after`, in the order of their numbers; at most `limit`.
    ///
    /// The numbers follow the order of the commits: no revocation becomes visible with a number lower than
    /// one that a reader has already read. A reader that continues after the greatest number it has read
    /// therefore misses none.
    async fn revocations(&self, after: u64, limit: u32) -> Answer<Vec<Revocation>>;
    /// Deletes the revocations up to and including `number`. The store never uses their numbers again.
    async fn forget_revocations(&self, number: u64) -> Answer<()>;

    /// Records that access tokens of at most `longest` are issued from `now` on. Returns the lifetimes of all
    /// tokens that may still be valid.
    async fn begin_token_life(&self, longest: Duration, now: Timestamp) -> Answer<TokenLife>;

    /// Registers a client, while everything in `given` holds.
    async fn add_client(&self, given: &[Standing], client: &Client) -> Answer<Added>;
    async fn client(&self, id: &ClientId) -> Answer<Option<Client>>;
    /// A page of clients, in the order of their ids.
    async fn clients(&self, page: &Page<ClientId>) -> Answer<Vec<Client>>;
    /// Makes all `changes` of a client's settings or none, while everything in `given` holds.
    async fn change_client(
        &self,
        id: &ClientId,
        given: &[Standing],
        changes: &[ClientChange],
    ) -> Answer<ClientChanged>;
    /// Replaces a client's authentication, if it is still `old` and everything in `given` holds. `false`: not so, and
    /// nothing was changed.
    async fn replace_client_authentication(
        &self,
        id: &ClientId,
        given: &[Standing],
        old: &ClientAuthentication,
        new: &ClientAuthentication,
    ) -> Answer<bool>;
    /// Deletes a client and revokes its sessions, while everything in `given` holds.
    async fn remove_client(&self, id: &ClientId, given: &[Standing], how: &Revoked) -> Answer<ClientRemoved>;

    async fn signing_keys(&self) -> Answer<KeyRing>;
    /// Replaces all signing keys, if the revision is still `ring.revision`. `false`: it is not.
    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool>;

    /// The store's position, which shows whether the store was replaced by an older copy. `None`: the store
    /// is not durable.
    async fn position(&self) -> Answer<Option<Position>>;
    /// Checks that the store can be read and, after a failed write, that it can be written again.
    async fn ping(&self) -> Answer<()>;
}

/// A step that was applied and may not be durable yet.
///
/// Only a preparation sees the moved row. Its result is returned when the step is durable. The server can
/// therefore sign while the store writes, and still releases nothing early.
#[must_use = "the step may be lost until it is awaited"]
pub struct Rotated {
    row: Arc<SessionWithUser>,
    kept: Pin<Box<dyn Future<Output = Answer<Kept>> + Send>>,
}

/// How a step became durable. The durable row differs from the one that the preparation saw if another
/// process wrote concurrently, or if a commit failed.
#[derive(Debug, Clone)]
pub enum Kept {
    /// On the row that the preparation saw.
    AsSeen,
    /// On this row, which another write had changed.
    Otherwise(Arc<SessionWithUser>),
    /// Not at all: the row no longer met the condition. Nothing was changed.
    NotMet,
}

/// The result of adding a user or a client. Only [`Added::Added`] changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    Added,
    /// Another user has this username, or has it as an id.
    NameTaken,
    /// Another user or client has this id, or a user has it as a username.
    IdTaken,
    /// Another user has verified this e-mail address.
    EmailTaken,
    /// A condition of the write does not hold any more.
    Outdated,
}

/// The outcome of a change of a client's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientChanged {
    /// The client as it is now.
    Done(Box<Client>),
    NoSuchClient,
    /// The settings would not be acceptable; nothing was changed.
    Invalid(SettingsError),
    /// A condition of the write no longer holds; nothing was changed.
    Outdated,
}

/// The outcome of a removal of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRemoved {
    /// The client is gone, and its sessions are revoked.
    Removed,
    NoSuchClient,
    /// A condition of the write no longer holds; nothing was changed.
    Outdated,
}

/// Which users of an import are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// All, or none if one of them cannot be added.
    AllOrNone,
    /// Those that can be added.
    SkipExisting,
    /// None.
    DryRun,
}

impl ImportMode {
    /// Whether an import with these results is committed.
    pub fn keeps(self, added: &[Added]) -> bool {
        match self {
            Self::AllOrNone => added.iter().all(|added| *added == Added::Added),
            Self::SkipExisting => true,
            Self::DryRun => false,
        }
    }
}

/// The result of opening a session. Only [`Opened::Opened`] changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    Opened,
    /// The single-use token was spent before.
    AlreadySpent,
    /// The user is deleted or disabled, or has another epoch.
    UserChanged,
    /// The client is not registered.
    NoSuchClient,
    /// The session's claims are too large together with the user's.
    ClaimsTooLarge,
    /// A condition of the write does not hold any more.
    Outdated,
}

/// A token that can be used only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleUse {
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// When the token expires. The record can be deleted after that.
    pub expires_at: Timestamp,
}

/// A page of a long list.
#[derive(Debug, Clone)]
pub struct Page<Id> {
    /// The cursor: the last id of the page before. `None`: the first page.
    pub after: Option<Id>,
    /// The most items.
    pub limit: u32,
}

/// The result of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many sessions were deleted.
    pub removed: u64,
    /// The cursor of the next page. `None`: this was the last page.
    pub next: Option<SessionId>,
}

/// The identity of a store, and numbers that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// A random id that the store got when it was created.
    pub store: [u8; 16],
    /// When the store was last restored from a backup. 0: never.
    pub restored_at: Timestamp,
    /// The number of the last rotation.
    pub rotations: u64,
    /// The number of other writes.
    pub writes: u64,
}

/// The signing keys, and the revision of the set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRing {
    /// How often the set has been replaced.
    pub revision: u32,
    pub keys: Vec<StoredKey>,
}

impl Rotated {
    /// A moved row, and a future that ends when the step is durable.
    pub fn new(row: Arc<SessionWithUser>, kept: impl Future<Output = Answer<Kept>> + Send + 'static) -> Self {
        Self { row, kept: Box::pin(kept) }
    }

    /// Prepares a value from the moved row at once, and returns it when the step is durable. Prepares it
    /// again if the durable row differs. `None`: the step's condition did not hold after all.
    ///
    /// # Errors
    ///
    /// [`StoreError`], when the store cannot make the step durable. The step may or may not have happened.
    pub async fn prepare<T>(self, prepare: impl Fn(&SessionWithUser) -> T) -> Answer<Option<T>> {
        let prepared = prepare(&self.row);
        drop(self.row);
        Ok(match self.kept.await? {
            Kept::AsSeen => Some(prepared),
            Kept::Otherwise(row) => Some(prepare(&row)),
            Kept::NotMet => None,
        })
    }

    /// Returns the moved row when the step is durable.
    ///
    /// # Errors
    ///
    /// As [`Rotated::prepare`].
    pub async fn row(self) -> Answer<Option<SessionWithUser>> {
        self.prepare(SessionWithUser::clone).await
    }
}

impl<Id> Page<Id> {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

impl Position {
    /// Whether the store with this position cannot be a later state of the store that had the position
    /// `known`: it is another store, or an older copy that was not restored with `countersign restore`.
    pub fn is_not_after(&self, known: &Self) -> bool {
        self.store != known.store
            || self.restored_at < known.restored_at
            || (self.restored_at == known.restored_at
                && (self.rotations < known.rotations || self.writes < known.writes))
    }
}

impl StoreError {
    /// An error without a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error with its cause.
    pub fn caused_by(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
