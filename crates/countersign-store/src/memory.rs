//! The store in memory: the executable specification of the port, and a store for tests.
//!
//! Each verb is plain Rust under one lock. Where another store behaves differently,
//! the other store is wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::{PasswordHash, Work};
use countersign_core::refresh::Step;
use countersign_core::revocation::{Revocation, RevokedSessions, TokenLife};
use countersign_core::session::{Presence, Revoked, Session, SessionState, SessionWithUser, Whose};
use countersign_core::store::{
    Added, Answer, Changed, ClientChanged, ClientRemoved, History, ImportMode, Kept, KeyRing, Opened, Page,
    Position, Rotated, SingleUse, Standing, Store, Swept, UserChange,
};
use countersign_core::user::email::Email;
use countersign_core::user::{User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};

/// A store whose data is lost when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    users: BTreeMap<UserId, User>,
    /// The users who have had a session.
    arrived: BTreeSet<UserId>,
    sessions: BTreeMap<SessionId, Session>,
    spent: HashMap<[u8; 32], Timestamp>,
    revocations: BTreeMap<u64, Revocation>,
    /// The number of the last revocation.
    revoked: u64,
    token_life: Option<TokenLife>,
    clients: BTreeMap<ClientId, Client>,
    ring: KeyRing,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn with_user(&self, session: &Session) -> SessionWithUser {
        SessionWithUser { session: session.clone(), user: self.users.get(&session.grant.user).cloned() }
    }

    /// Whether all conditions of a write hold.
    fn all_hold(&self, given: &[Standing]) -> bool {
        given.iter().all(|standing| {
            let session = standing.session.and_then(|id| self.sessions.get(&id));
            let client = standing.client.as_ref().and_then(|wanted| self.clients.get(&wanted.id));
            standing.holds(self.users.get(&standing.user), session, client)
        })
    }

    /// Whether another user has verified the verified address of `user`.
    fn is_email_taken(&self, user: &User) -> bool {
        let key = |user: &User| user.email.as_ref().and_then(Email::verified_key);
        let mut others = self.users.values().filter(|other| other.id != user.id);
        key(user).is_some_and(|wanted| others.any(|other| key(other).as_ref() == Some(&wanted)))
    }

    fn add_user(&mut self, user: &User) -> Added {
        let is_taken =
            self.users.contains_key(&user.id) || self.clients.contains_key(&ClientId::from(&user.id));
        let like_id = Username::key_like(&user.id);
        if is_taken || self.users.values().any(|known| known.username.key() == like_id) {
            return Added::IdTaken;
        }
        let name = &user.username;
        if self.users.values().any(|known| known.username.key() == name.key() || name.is_like_id(&known.id)) {
            return Added::NameTaken;
        }
        if self.is_email_taken(user) {
            return Added::EmailTaken;
        }
        self.users.insert(user.id.clone(), user.clone());
        Added::Added
    }

    fn change_user(&mut self, id: &UserId, changes: &[UserChange]) -> Changed {
        let Some(mut user) = self.users.get(id).cloned() else { return Changed::NoSuchUser };
        let history = if self.arrived.contains(id) { History::Sessions } else { History::NoSession };
        changes.iter().for_each(|change| change.apply(&mut user, history));
        if self.is_email_taken(&user) {
            return Changed::EmailTaken;
        }
        self.users.insert(id.clone(), user.clone());
        for (how, keep) in changes.iter().filter_map(UserChange::ends_sessions) {
            self.end_all(&Whose::User(id.clone()), keep, how);
        }
        user.epoch = self.users[id].epoch;
        if changes.iter().any(|change| matches!(change, UserChange::Delete(_))) {
            self.users.remove(id);
            self.arrived.remove(id);
        }
        Changed::Done(Box::new(user))
    }

    fn end_all(&mut self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> u64 {
        let moves_epoch = !matches!(of, Whose::Client(_));
        let mut ended = 0;
        for session in self.sessions.values_mut() {
            if session.state != SessionState::Active || !of.includes(session) {
                continue;
            }
            if Some(session.id) == except {
                session.user_epoch += u32::from(moves_epoch);
            } else {
                session.state = SessionState::Revoked(how.clone());
                ended += 1;
            }
        }
        for user in self.users.values_mut() {
            let is_theirs = matches!(of, Whose::Everyone) || *of == Whose::User(user.id.clone());
            user.epoch += u32::from(is_theirs);
        }
        let newest =
            self.sessions.values().filter(|session| of.includes(session)).map(|session| session.id).max();
        if let Some(newest) = newest.filter(|_| ended > 0) {
            self.note(how.by.at, RevokedSessions::UpTo { whose: of.clone(), newest, except });
        }
        ended
    }

    fn note(&mut self, at: Timestamp, of: RevokedSessions) {
        self.revoked += 1;
        self.revocations.insert(self.revoked, Revocation { number: self.revoked, at, of });
    }
}

fn ends_at(session: &Session) -> Timestamp {
    match session.state {
        SessionState::Active => session.idle_expires_at.min(session.absolute_expires_at),
        SessionState::Revoked(_) => session.absolute_expires_at,
    }
}

fn page<'a, Id: Ord + 'a, Row: 'a>(
    rows: &'a BTreeMap<Id, Row>,
    page: &'a Page<Id>,
) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(|(id, _)| page.after.as_ref().is_none_or(|after| *id > after)).map(|(_, row)| row)
}

#[async_trait]
impl Store for MemoryStore {
    async fn add_user(&self, given: &[Standing], user: &User) -> Answer<Added> {
        let mut tables = self.tables();
        Ok(if tables.all_hold(given) { tables.add_user(user) } else { Added::Outdated })
    }

    async fn import_users(&self, users: &[User], mode: ImportMode) -> Answer<Vec<Added>> {
        let mut tables = self.tables();
        let before = tables.users.clone();
        let added: Vec<_> = users.iter().map(|user| tables.add_user(user)).collect();
        if !mode.keeps(&added) {
            tables.users = before;
        }
        Ok(added)
    }

    async fn user(&self, id: &UserId) -> Answer<Option<User>> {
        Ok(self.tables().users.get(id).cloned())
    }

    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>> {
        Ok(self.tables().users.values().find(|user| user.username.key() == name.key()).cloned())
    }

    async fn users(&self, of: &Page<UserId>) -> Answer<Vec<User>> {
        Ok(page(&self.tables().users, of).take(of.limit as usize).cloned().collect())
    }

    async fn change_user(&self, id: &UserId, given: &[Standing], changes: &[UserChange]) -> Answer<Changed> {
        let mut tables = self.tables();
        Ok(if tables.all_hold(given) { tables.change_user(id, changes) } else { Changed::Outdated })
    }

    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Answer<bool> {
        let mut tables = self.tables();
        let password = tables.users.get_mut(id).and_then(|user| user.password.as_mut());
        let Some(password) = password.filter(|password| password.hash == *old) else { return Ok(false) };
        password.hash = new.clone();
        Ok(true)
    }

    async fn imported_work(&self) -> Answer<Work> {
        let tables = self.tables();
        let hashes = tables.users.values().filter_map(|user| user.password.as_ref());
        let imported = hashes.filter(|password| !password.hash.is_argon2());
        Ok(imported.fold(Work::default(), |greatest, password| greatest.max(password.hash.work())))
    }

    async fn open(
        &self,
        session: &Session,
        given: &[Standing],
        spending: Option<&SingleUse>,
    ) -> Answer<Opened> {
        let mut tables = self.tables();
        if !tables.all_hold(given) {
            return Ok(Opened::Outdated);
        }
        let client = &session.grant.client;
        if !client.is_reserved() && !tables.clients.contains_key(client) {
            return Ok(Opened::NoSuchClient);
        }
        let user = tables.users.get(&session.grant.user);
        if !user.is_some_and(|user| user.is_enabled() && user.epoch == session.user_epoch) {
            return Ok(Opened::UserChanged);
        }
        if let Some(single) = spending {
            if tables.spent.contains_key(&single.digest) {
                return Ok(Opened::AlreadySpent);
            }
            tables.spent.insert(single.digest, single.expires_at);
        }
        tables.sessions.insert(session.id, session.clone());
        tables.arrived.insert(session.grant.user.clone());
        Ok(Opened::Opened)
    }

    async fn session(&self, id: SessionId) -> Answer<Option<SessionWithUser>> {
        let tables = self.tables();
        Ok(tables.sessions.get(&id).map(|session| tables.with_user(session)))
    }

    async fn sessions(&self, of: &Whose, of_page: &Page<SessionId>) -> Answer<Vec<SessionWithUser>> {
        let tables = self.tables();
        let among = page(&tables.sessions, of_page).filter(|session| of.includes(session));
        Ok(among.take(of_page.limit as usize).map(|session| tables.with_user(session)).collect())
    }

    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        let mut tables = self.tables();
        let Some(session) = tables.sessions.get(&step.session) else { return Ok(None) };
        let mut row = tables.with_user(session);
        if !step.is_met_by(&row, by.at) {
            return Ok(None);
        }
        step.apply(&mut row.session, by);
        tables.sessions.insert(row.session.id, row.session.clone());
        Ok(Some(Rotated::new(Arc::new(row), std::future::ready(Ok(Kept::AsSeen)))))
    }

    async fn revoke(&self, id: SessionId, of: &Whose, how: &Revoked) -> Answer<bool> {
        let mut tables = self.tables();
        let session = tables.sessions.get_mut(&id);
        let session = session.filter(|session| of.includes(session) && session.state == SessionState::Active);
        let Some(session) = session else { return Ok(false) };
        session.state = SessionState::Revoked(how.clone());
        tables.note(how.by.at, RevokedSessions::One(id));
        Ok(true)
    }

    async fn revoke_all(&self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> Answer<u64> {
        let mut tables = self.tables();
        for user in tables.users.values_mut() {
            if matches!(of, Whose::Everyone) || *of == Whose::User(user.id.clone()) {
                user.note_sign_out(how.by.at);
            }
        }
        Ok(tables.end_all(of, except, how))
    }

    async fn sweep(&self, before: Timestamp, of_page: &Page<SessionId>) -> Answer<Swept> {
        let mut tables = self.tables();
        tables.spent.retain(|_, expires_at| *expires_at >= before);
        let looked_at: Vec<_> = page(&tables.sessions, of_page)
            .take(of_page.limit as usize)
            .map(|session| (session.id, ends_at(session) < before))
            .collect();
        let ended: Vec<_> = looked_at.iter().filter(|(_, is_over)| *is_over).collect();
        for (id, _) in &ended {
            tables.sessions.remove(id);
        }
        let is_full = looked_at.len() == of_page.limit as usize;
        let next = looked_at.last().filter(|_| is_full).map(|(id, _)| *id);
        Ok(Swept { removed: ended.len() as u64, next })
    }

    async fn revocations(&self, after: u64, limit: u32) -> Answer<Vec<Revocation>> {
        let tables = self.tables();
        let later = tables.revocations.range(after.saturating_add(1)..);
        Ok(later.take(limit as usize).map(|(_, revocation)| revocation.clone()).collect())
    }

    async fn forget_revocations(&self, number: u64) -> Answer<()> {
        self.tables().revocations.retain(|known, _| *known > number);
        Ok(())
    }

    async fn begin_token_life(&self, longest: Duration, now: Timestamp) -> Answer<TokenLife> {
        let mut tables = self.tables();
        let life = TokenLife::begin(tables.token_life, longest, now);
        tables.token_life = Some(life);
        Ok(life)
    }

    async fn add_client(&self, given: &[Standing], client: &Client) -> Answer<Added> {
        let mut tables = self.tables();
        if !tables.all_hold(given) {
            return Ok(Added::Outdated);
        }
        let is_user = tables.users.keys().any(|user| user.as_str() == client.id.as_str());
        if is_user || tables.clients.contains_key(&client.id) {
            return Ok(Added::IdTaken);
        }
        tables.clients.insert(client.id.clone(), client.clone());
        Ok(Added::Added)
    }

    async fn client(&self, id: &ClientId) -> Answer<Option<Client>> {
        Ok(self.tables().clients.get(id).cloned())
    }

    async fn clients(&self, of: &Page<ClientId>) -> Answer<Vec<Client>> {
        Ok(page(&self.tables().clients, of).take(of.limit as usize).cloned().collect())
    }

    async fn change_client(
        &self,
        id: &ClientId,
        given: &[Standing],
        changes: &[ClientChange],
    ) -> Answer<ClientChanged> {
        let mut tables = self.tables();
        if !tables.all_hold(given) {
            return Ok(ClientChanged::Outdated);
        }
        let Some(client) = tables.clients.get_mut(id) else { return Ok(ClientChanged::NoSuchClient) };
        let changed = match client.clone().with(changes) {
            Ok(changed) => changed,
            Err(error) => return Ok(ClientChanged::Invalid(error)),
        };
        client.clone_from(&changed);
        Ok(ClientChanged::Done(Box::new(changed)))
    }

    async fn replace_client_authentication(
        &self,
        id: &ClientId,
        given: &[Standing],
        old: &ClientAuthentication,
        new: &ClientAuthentication,
    ) -> Answer<bool> {
        let mut tables = self.tables();
        if !tables.all_hold(given) {
            return Ok(false);
        }
        let client = tables.clients.get_mut(id).filter(|client| client.authentication == *old);
        let Some(client) = client else { return Ok(false) };
        client.authentication = new.clone();
        Ok(true)
    }

    async fn remove_client(&self, id: &ClientId, given: &[Standing], how: &Revoked) -> Answer<ClientRemoved> {
        let mut tables = self.tables();
        if !tables.all_hold(given) {
            return Ok(ClientRemoved::Outdated);
        }
        if tables.clients.remove(id).is_none() {
            return Ok(ClientRemoved::NoSuchClient);
        }
        tables.end_all(&Whose::Client(id.clone()), None, how);
        Ok(ClientRemoved::Removed)
    }

    async fn signing_keys(&self) -> Answer<KeyRing> {
        Ok(self.tables().ring.clone())
    }

    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool> {
        let mut tables = self.tables();
        if tables.ring.revision != ring.revision {
            return Ok(false);
        }
        let mut keys = ring.keys.clone();
        keys.sort_by(|one, other| one.key_id.cmp(&other.key_id));
        tables.ring = KeyRing { revision: ring.revision + 1, keys };
        Ok(true)
    }

    async fn position(&self) -> Answer<Option<Position>> {
        Ok(None)
    }

    async fn ping(&self) -> Answer<()> {
        Ok(())
    }
}
