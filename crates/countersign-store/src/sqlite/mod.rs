//! The store in one SQLite file: WAL, `synchronous=FULL`, one writer, several readers.
//!
//! Read [`columns`] and [`moved`] first (rows, and what a rotation changes), then
//! [`lookup`] and [`ending`] (statements that several verbs share). A rotation goes
//! through [`recent`] (what the process remembers), [`desk`], [`log`] and
//! [`writer`]. The other verbs are in [`users`], [`sessions`], [`clients`],
//! [`keys`] and [`revocations`], in the order of the port.
//!
//! A session's newest state is at two places at most:
//!
//! - opened, or folded: in the tables `sessions` and `session_moves`
//! - committed and not folded: in the log, and in [`recent`] for readers
//! - rotated and not committed: only in [`recent`], for the next rotation

mod backup;
mod clients;
mod columns;
mod connection;
mod desk;
mod ending;
mod in_use;
mod keys;
mod lineage;
mod lock_file;
mod log;
mod lookup;
mod moved;
mod readers;
mod recent;
mod restore;
mod revocations;
mod schema;
mod sessions;
mod users;
mod writer;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::{PasswordHash, Work};
use countersign_core::refresh::Step;
use countersign_core::revocation::{Revocation, TokenLife};
use countersign_core::session::{Presence, Revoked, Session, SessionWithUser, Whose};
use countersign_core::store::{
    Added, Answer, Changed, ClientChanged, ClientRemoved, ImportMode, KeyRing, Opened, Page, Position,
    Rotated, SingleUse, Standing, Store, StoreError, Swept, UserChange,
};
use countersign_core::user::{User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};
use rusqlite::Connection;

use crate::{OpenError, SqliteOptions};
use desk::Desk;
use in_use::InUse;
use log::Log;
use readers::Readers;
use recent::{SharedRecent, Touched};
pub(crate) use restore::restore;
pub(crate) use schema::status as schema_status;
use writer::Writer;

/// A store in one SQLite file.
pub(crate) struct SqliteStore {
    writer: Writer,
    readers: Readers,
    recent: SharedRecent,
    /// Dropped last.
    _in_use: InUse,
}

impl SqliteStore {
    /// Opens and migrates the database.
    pub(crate) fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let failed = |source: rusqlite::Error| OpenError::Database {
            path: path.display().to_string(),
            source: source.into(),
        };
        let in_use = InUse::share(path)?.ok_or_else(|| OpenError::Restoring(path.display().to_string()))?;
        schema::update(path)?;
        let connection = connection::open_for_writing(path).map_err(failed)?;
        let log = Log::open(&connection, options).map_err(failed)?;
        let recent = log.recent().clone();
        let readers = Readers::open(path).map_err(failed)?;
        Ok(Self { writer: Writer::start(connection, log), readers, recent, _in_use: in_use })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn add_user(&self, given: &[Standing], user: &User) -> Answer<Added> {
        let (given, user) = (given.to_vec(), user.clone());
        self.writer.write(Touched::Nothing, move |connection| users::add(connection, &given, &user)).await
    }

    async fn import_users(&self, users: &[User], mode: ImportMode) -> Answer<Vec<Added>> {
        let users = users.to_vec();
        self.writer.write(Touched::Nothing, move |connection| users::import(connection, &users, mode)).await
    }

    async fn user(&self, id: &UserId) -> Answer<Option<User>> {
        let id = id.clone();
        self.readers.read(move |connection| lookup::user(connection, &id)).await
    }

    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>> {
        let key = name.key().to_owned();
        self.readers.read(move |connection| users::by_name_key(connection, &key)).await
    }

    async fn users(&self, page: &Page<UserId>) -> Answer<Vec<User>> {
        let page = page.clone();
        self.readers.read(move |connection| users::page(connection, &page)).await
    }

    async fn change_user(&self, id: &UserId, given: &[Standing], changes: &[UserChange]) -> Answer<Changed> {
        let (id, given, changes) = (id.clone(), given.to_vec(), changes.to_vec());
        self.writer
            .write(Touched::User(id.clone()), move |connection| {
                users::change(connection, &id, &given, &changes)
            })
            .await
    }

    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Answer<bool> {
        let (id, old, new) = (id.clone(), old.clone(), new.clone());
        self.writer
            .write(Touched::User(id.clone()), move |connection| users::rehash(connection, &id, &old, &new))
            .await
    }

    async fn imported_work(&self) -> Answer<Work> {
        self.readers.read(users::imported_work).await
    }

    async fn open(
        &self,
        session: &Session,
        given: &[Standing],
        spending: Option<&SingleUse>,
    ) -> Answer<Opened> {
        let (session, given, spending) = (session.clone(), given.to_vec(), spending.cloned());
        self.writer
            .write(Touched::Nothing, move |connection| {
                sessions::open(connection, &session, &given, spending.as_ref())
            })
            .await
    }

    async fn session(&self, id: SessionId) -> Answer<Option<SessionWithUser>> {
        let recent = self.recent.clone();
        self.readers.read(move |connection| log::session(connection, &recent, id)).await
    }

    async fn sessions(&self, of: &Whose, page: &Page<SessionId>) -> Answer<Vec<SessionWithUser>> {
        let (of, page, recent) = (of.clone(), page.clone(), self.recent.clone());
        let read = move |connection: &Connection| {
            let ids = sessions::ids(connection, &of, &page)?;
            let found = ids.into_iter().map(|id| log::session(connection, &recent, id));
            found.filter_map(Result::transpose).collect()
        };
        self.readers.read(read).await
    }

    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        self.writer.rotate(step, by).await
    }

    async fn revoke(&self, id: SessionId, of: &Whose, how: &Revoked) -> Answer<bool> {
        let (of, how) = (of.clone(), how.clone());
        self.writer
            .write(Touched::Session(id), move |connection| ending::revoke(connection, id, &of, &how))
            .await
    }

    async fn revoke_all(&self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> Answer<u64> {
        let (of, how) = (of.clone(), how.clone());
        let touched = match &of {
            Whose::User(user) => Touched::User(user.clone()),
            Whose::Everyone | Whose::Client(_) => Touched::Everything,
        };
        self.writer.write(touched, move |connection| ending::revoke_all(connection, &of, except, &how)).await
    }

    async fn sweep(&self, before: Timestamp, page: &Page<SessionId>) -> Answer<Swept> {
        let page = page.clone();
        let sweep =
            move |connection: &Connection, desk: &mut Desk| sessions::sweep(connection, desk, before, &page);
        self.writer.write_at_desk(sweep).await
    }

    async fn revocations(&self, after: u64, limit: u32) -> Answer<Vec<Revocation>> {
        self.readers.read(move |connection| revocations::after(connection, after, limit)).await
    }

    async fn forget_revocations(&self, number: u64) -> Answer<()> {
        self.writer.write(Touched::Nothing, move |connection| revocations::forget(connection, number)).await
    }

    async fn begin_token_life(&self, longest: Duration, now: Timestamp) -> Answer<TokenLife> {
        let begin = move |connection: &Connection| revocations::begin_token_life(connection, longest, now);
        self.writer.write(Touched::Nothing, begin).await
    }

    async fn add_client(&self, given: &[Standing], client: &Client) -> Answer<Added> {
        let (given, client) = (given.to_vec(), client.clone());
        self.writer.write(Touched::Nothing, move |connection| clients::add(connection, &given, &client)).await
    }

    async fn client(&self, id: &ClientId) -> Answer<Option<Client>> {
        let id = id.clone();
        self.readers.read(move |connection| lookup::client(connection, &id)).await
    }

    async fn clients(&self, page: &Page<ClientId>) -> Answer<Vec<Client>> {
        let page = page.clone();
        self.readers.read(move |connection| clients::page(connection, &page)).await
    }

    async fn change_client(
        &self,
        id: &ClientId,
        given: &[Standing],
        changes: &[ClientChange],
    ) -> Answer<ClientChanged> {
        let (id, given, changes) = (id.clone(), given.to_vec(), changes.to_vec());
        let change = move |connection: &Connection| clients::change(connection, &id, &given, &changes);
        self.writer.write(Touched::Nothing, change).await
    }

    async fn replace_client_authentication(
        &self,
        id: &ClientId,
        given: &[Standing],
        old: &ClientAuthentication,
        new: &ClientAuthentication,
    ) -> Answer<bool> {
        let (id, given, old, new) = (id.clone(), given.to_vec(), old.clone(), new.clone());
        let replace = move |connection: &Connection| {
            clients::replace_authentication(connection, &id, &given, &old, &new)
        };
        self.writer.write(Touched::Nothing, replace).await
    }

    async fn remove_client(&self, id: &ClientId, given: &[Standing], how: &Revoked) -> Answer<ClientRemoved> {
        let (id, given, how) = (id.clone(), given.to_vec(), how.clone());
        let remove = move |connection: &Connection| clients::remove(connection, &id, &given, &how);
        self.writer.write(Touched::Everything, remove).await
    }

    async fn signing_keys(&self) -> Answer<KeyRing> {
        self.readers.read(keys::ring).await
    }

    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool> {
        let ring = ring.clone();
        self.writer.write(Touched::Nothing, move |connection| keys::replace(connection, &ring)).await
    }

    async fn position(&self) -> Answer<Option<Position>> {
        self.readers.read(lineage::position).await.map(Some)
    }

    async fn ping(&self) -> Answer<()> {
        self.readers.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await?;
        // After a failed commit, only a write shows whether the database can be written again. Otherwise
        // nothing is written, because anonymous clients can cause this call.
        if self.writer.is_failing() {
            self.writer.write(Touched::Nothing, connection::probe).await
        } else {
            Ok(())
        }
    }
}

/// Copies the database to the new file `to`.
pub(crate) async fn backup(database: &Path, to: &Path) -> Answer<()> {
    if to.exists() {
        return Err(StoreError::new(format!("{} exists; a backup overwrites nothing", to.display())));
    }
    let to = to.to_owned();
    let written = read_once(database, move |connection| Ok(backup::write(connection, &to))).await?;
    written.map_err(|error| StoreError::caused_by("the copy could not be written", error))
}

/// SQLite's findings about the structure of the database.
pub(crate) async fn diagnose(database: &Path) -> Answer<Vec<String>> {
    read_once(database, connection::diagnose).await
}

/// Reads a database that exists, on a connection for this read alone.
async fn read_once<T: Send + 'static>(
    database: &Path,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Answer<T> {
    let failed = |error: rusqlite::Error| StoreError::caused_by("the database could not be read", error);
    if !database.exists() {
        return Err(StoreError::new(format!("there is no database at {}", database.display())));
    }
    let path = database.to_owned();
    let read = tokio::task::spawn_blocking(move || work(&readers::open_for_reading(&path)?));
    read.await
        .map_err(|error| StoreError::caused_by("the database could not be read", error))?
        .map_err(failed)
}
