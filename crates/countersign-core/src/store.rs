//! The port to a store: atomic verbs, not rows to edit.
//!
//! Each verb is one decision of the database. None bases a write on what an
//! earlier verb read, except to revoke: what the caller verified before travels
//! with the write, as a [`Standing`] or as the value that is replaced. A verb that
//! returns `Ok` has been made durable, but for [`Rotated`], which keeps its row to
//! itself until it is; one that fails with [`StoreError`] may or may not have
//! happened, and asking again does no harm.

mod accounts;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientAuthentication};
use crate::password::{PasswordHash, Work};
use crate::refresh::Step;
use crate::revocation::{Revocation, TokenLife};
use crate::session::{Presence, Revoked, Session, SessionWithUser, Whose};
use crate::signing_keys::StoredKey;
use crate::user::{User, Username};
use crate::{ClientId, SessionId, Timestamp, UserId};
pub use accounts::{Changed, History, Standing, UserChange};

/// The store could not do what was asked: a full disk, a lost connection, a file that cannot be read.
#[derive(Debug)]
pub struct StoreError {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a verb answers.
pub type Answer<T> = Result<T, StoreError>;

/// A store of users, sessions and signing keys.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a user, while everything in `given` holds.
    async fn add_user(&self, given: &[Standing], user: &User) -> Answer<Added>;
    /// Adds users in one write. Tells of each what became of it, or would have become.
    async fn import_users(&self, users: &[User], mode: ImportMode) -> Answer<Vec<Added>>;
    /// The user with this id.
    async fn user(&self, id: &UserId) -> Answer<Option<User>>;
    /// The user with this name.
    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>>;
    /// Users in the order of their ids.
    async fn users(&self, page: &Page<UserId>) -> Answer<Vec<User>>;
    /// Makes all `changes` of a user or none, while everything in `given` holds, and ends their sessions where a
    /// change asks for it.
    async fn change_user(&self, id: &UserId, given: &[Standing], changes: &[UserChange]) -> Answer<Changed>;
    /// Replaces a hash by a stronger one of the same password, unless it was changed meanwhile.
    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Answer<bool>;
    /// The greatest work of each function that verifying any hash takes which another system made.
    async fn imported_work(&self) -> Answer<Work>;

    /// Opens a session if its user is enabled and still of its epoch, its client is registered or the server's own,
    /// and everything in `given` holds; `spending` a single-use token with it, in one write.
    async fn open(
        &self,
        session: &Session,
        given: &[Standing],
        spending: Option<&SingleUse>,
    ) -> Answer<Opened>;
    /// A session and its user, as the primary has them.
    async fn session(&self, id: SessionId) -> Answer<Option<SessionWithUser>>;
    /// Sessions in the order of their ids.
    async fn sessions(&self, of: &Whose, page: &Page<SessionId>) -> Answer<Vec<SessionWithUser>>;
    /// Moves a session to `step.to` if it still meets the step's condition, its user may have sessions,
    /// and it is live at `by.at`. `None`: it does not; nothing was changed.
    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>>;
    /// Ends one session if it is among `of` and not revoked yet, and notes it. `false`: it is not.
    async fn revoke(&self, id: SessionId, of: &Whose, how: &Revoked) -> Answer<bool>;
    /// Ends all sessions among `of` but `except`; notes it if there were any, and answers how many. Where `of` is a user or everyone, their
    /// epoch moves on, so that a session opened at the same moment for the epoch before is ended too.
    async fn revoke_all(&self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> Answer<u64>;
    /// Looks at one piece of the sessions and removes those that ended before `before`; forgets
    /// single-use tokens that expired before it. A revoked session counts as ended at its absolute expiry.
    async fn sweep(&self, before: Timestamp, page: &Page<SessionId>) -> Answer<Swept>;

    /// The revocations after the one with the number `after`, in the order of their numbers; at most `limit`.
    ///
    /// The numbers follow the order of the commits: no revocation becomes visible with a number lower than one that a
    /// reader has already read. A reader that continues after the greatest number it has read therefore misses none.
    async fn revocations(&self, after: u64, limit: u32) -> Answer<Vec<Revocation>>;
    /// Forgets the entries up to and with `number`. Their numbers are not given again.
    async fn forget_revocations(&self, number: u64) -> Answer<()>;

    /// Notes that from `now` on access tokens of at most `longest` are issued; answers how long any is out.
    async fn begin_token_life(&self, longest: Duration, now: Timestamp) -> Answer<TokenLife>;

    /// Registers a client, unless a client or a user has its id.
    async fn add_client(&self, client: &Client) -> Answer<Added>;
    /// The client with this id.
    async fn client(&self, id: &ClientId) -> Answer<Option<Client>>;
    /// Clients in the order of their ids.
    async fn clients(&self, page: &Page<ClientId>) -> Answer<Vec<Client>>;
    /// Replaces how a client authenticates, if it is still `old`. `false`: it is not, or there is no such client.
    async fn replace_client_authentication(
        &self,
        id: &ClientId,
        old: &ClientAuthentication,
        new: &ClientAuthentication,
    ) -> Answer<bool>;
    /// Removes a client and ends its sessions. `false`: no such client.
    async fn remove_client(&self, id: &ClientId, how: &Revoked) -> Answer<bool>;

    /// The signing keys and the revision of the set.
    async fn signing_keys(&self) -> Answer<KeyRing>;
    /// Replaces the whole set if its revision is still `ring.revision`. `false`: it is not.
    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool>;

    /// How far the store has come. `None`: it forgets everything when it is closed, so it cannot go back.
    async fn position(&self) -> Answer<Option<Position>>;
    /// Whether the store answers reads, and takes writes again after it failed to.
    async fn ping(&self) -> Answer<()>;
}

/// A step that was taken, and may have to be made durable yet.
///
/// What the row has become is told to a preparation alone, whose result comes out once nothing can lose the
/// step any more: signing and the disk's work go on at one time, and nothing is released early.
#[must_use = "a step that is not waited for may be lost"]
pub struct Rotated {
    row: Arc<SessionWithUser>,
    kept: Pin<Box<dyn Future<Output = Answer<Kept>> + Send>>,
}

/// How a step was made durable. It is another than was seen where several processes write at one moment, or after
/// a commit that failed.
#[derive(Debug, Clone)]
pub enum Kept {
    /// On the row that was seen.
    AsSeen,
    /// On this row, which somebody else had changed.
    Otherwise(Arc<SessionWithUser>),
    /// Not at all: the row no longer met the condition, and nothing was changed.
    NotMet,
}

/// What became of a new user or client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// Added.
    Added,
    /// Another user has this name, or has it as an id.
    NameTaken,
    /// Another user or client has this id, or a user has it as a name.
    IdTaken,
    /// Another user has verified this e-mail address.
    EmailTaken,
    /// What the write rests on does not hold any more; nothing was added.
    Outdated,
}

/// Which of the users of an import are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// All of them, or none if one cannot be added.
    AllOrNone,
    /// Those that can be added.
    SkipExisting,
    /// None.
    DryRun,
}

impl ImportMode {
    /// Whether an import of users is kept of which `added` became.
    pub fn keeps(self, added: &[Added]) -> bool {
        match self {
            Self::AllOrNone => added.iter().all(|added| *added == Added::Added),
            Self::SkipExisting => true,
            Self::DryRun => false,
        }
    }
}

/// What became of a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Opened.
    Opened,
    /// The single-use token had been spent before; nothing was opened.
    AlreadySpent,
    /// The user is gone or disabled, or all their sessions were ended meanwhile; nothing was opened or spent.
    UserChanged,
    /// The client is not registered; nothing was opened or spent.
    NoSuchClient,
    /// What the write rests on does not hold any more; nothing was opened or spent.
    Outdated,
}

/// A token that may be spent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleUse {
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// When the token expires, and the record with it.
    pub expires_at: Timestamp,
}

/// A piece of a long list.
#[derive(Debug, Clone)]
pub struct Page<Id> {
    /// The last id of the piece before.
    pub after: Option<Id>,
    /// At most so many.
    pub limit: u32,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many sessions were removed.
    pub removed: u64,
    /// Where to go on; `None` when this was the last piece.
    pub next: Option<SessionId>,
}

/// How far a store has come: which one it is, and numbers that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// A random id that the store was given when it was made.
    pub store: [u8; 16],
    /// When it was last put back from a backup; 0 when it never was.
    pub restored_at: Timestamp,
    /// The number of the last rotation.
    pub rotations: u64,
    /// How many other writes there were.
    pub writes: u64,
}

/// The signing keys, and how often the set has been replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRing {
    /// The revision that was read.
    pub revision: u32,
    /// The keys.
    pub keys: Vec<StoredKey>,
}

impl Rotated {
    /// A row that has moved, and how that will have become durable.
    pub fn new(row: Arc<SessionWithUser>, kept: impl Future<Output = Answer<Kept>> + Send + 'static) -> Self {
        Self { row, kept: Box::pin(kept) }
    }

    /// Prepares something from the moved row at once, and gives it out when the step is durable; prepares it
    /// again if the row was another by then. `None`: the step's condition did not hold after all.
    ///
    /// # Errors
    ///
    /// When the store cannot make the step durable: it may or may not have happened.
    pub async fn prepare<T>(self, prepare: impl Fn(&SessionWithUser) -> T) -> Answer<Option<T>> {
        let prepared = prepare(&self.row);
        drop(self.row);
        Ok(match self.kept.await? {
            Kept::AsSeen => Some(prepared),
            Kept::Otherwise(row) => Some(prepare(&row)),
            Kept::NotMet => None,
        })
    }

    /// The moved row, when the step is durable.
    ///
    /// # Errors
    ///
    /// As [`Rotated::prepare`].
    pub async fn row(self) -> Answer<Option<SessionWithUser>> {
        self.prepare(SessionWithUser::clone).await
    }
}

impl<Id> Page<Id> {
    /// The first `limit`.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

impl Position {
    /// Whether this cannot be the store that had come as far as `known`: it is another one, or an older copy of it that
    /// was put in its place without a restore.
    pub fn is_not_after(&self, known: &Self) -> bool {
        self.store != known.store
            || self.restored_at < known.restored_at
            || (self.restored_at == known.restored_at
                && (self.rotations < known.rotations || self.writes < known.writes))
    }
}

impl StoreError {
    /// A failure in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A failure in words, and what caused it.
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
