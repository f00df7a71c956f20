//! The store in memory: the executable specification of the port, and a store for tests.
//!
//! Each verb is plain Rust under one lock. Where another store behaves differently,
//! the other store is wrong.

mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::{PasswordHash, Work};
use countersign_core::refresh::Step;
use countersign_core::revocation::{Revocation, RevokedSessions, TokenLife};
use countersign_core::session::{Presence, Revoked, Session, SessionState, SessionWithUser, Whose};
use countersign_core::store::{
    Added, Answer, Changed, ClientChanged, ClientRemoved, ImportMode, Kept, KeyRing, Opened, Page, Position,
    Rotated, SingleUse, Standing, Store, Swept, UserChange,
};
use countersign_core::user::{User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};

use tables::{Tables, ends_at, page};

/// A store whose data is lost when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        if user.is_some_and(|user| user.claims.check_with_session(&session.grant.claims).is_err()) {
            return Ok(Opened::ClaimsTooLarge);
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
