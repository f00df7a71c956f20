//! The tables of the store in memory, and the rules that several verbs share.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_core::client::Client;
use countersign_core::revocation::{Revocation, RevokedSessions, TokenLife};
use countersign_core::session::{Revoked, Session, SessionState, SessionWithUser, Whose};
use countersign_core::store::{Added, Changed, History, KeyRing, Page, Standing, UserChange};
use countersign_core::user::email::Email;
use countersign_core::user::{User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};

#[derive(Default)]
pub(super) struct Tables {
    pub(super) users: BTreeMap<UserId, User>,
    /// The users who have had a session.
    pub(super) arrived: BTreeSet<UserId>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) spent: HashMap<[u8; 32], Timestamp>,
    pub(super) revocations: BTreeMap<u64, Revocation>,
    /// The number of the last revocation.
    pub(super) revoked: u64,
    pub(super) token_life: Option<TokenLife>,
    pub(super) clients: BTreeMap<ClientId, Client>,
    pub(super) ring: KeyRing,
}

impl Tables {
    pub(super) fn with_user(&self, session: &Session) -> SessionWithUser {
        SessionWithUser { session: session.clone(), user: self.users.get(&session.grant.user).cloned() }
    }

    /// Whether all conditions of a write hold.
    pub(super) fn all_hold(&self, given: &[Standing]) -> bool {
        given.iter().all(|standing| {
            let session = standing.session.and_then(|id| self.sessions.get(&id));
            let client = standing.client.as_ref().and_then(|wanted| self.clients.get(&wanted.id));
            standing.holds(self.users.get(&standing.user), session, client)
        })
    }

    /// Whether another user has verified the verified address of `user`.
    pub(super) fn is_email_taken(&self, user: &User) -> bool {
        let key = |user: &User| user.email.as_ref().and_then(Email::verified_key);
        let mut others = self.users.values().filter(|other| other.id != user.id);
        key(user).is_some_and(|wanted| others.any(|other| key(other).as_ref() == Some(&wanted)))
    }

    pub(super) fn add_user(&mut self, user: &User) -> Added {
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

    pub(super) fn change_user(&mut self, id: &UserId, changes: &[UserChange]) -> Changed {
        let Some(mut user) = self.users.get(id).cloned() else { return Changed::NoSuchUser };
        let mut theirs = self.sessions.values().filter(|session| session.grant.user == *id);
        let is_prevented = theirs.any(|session| {
            let is_active = session.state == SessionState::Active;
            is_active && changes.iter().any(|change| change.is_prevented_by(&session.grant.claims))
        });
        if is_prevented {
            return Changed::ClaimsTooLarge;
        }
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

    pub(super) fn end_all(&mut self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> u64 {
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

    pub(super) fn note(&mut self, at: Timestamp, of: RevokedSessions) {
        self.revoked += 1;
        self.revocations.insert(self.revoked, Revocation { number: self.revoked, at, of });
    }
}

pub(super) fn ends_at(session: &Session) -> Timestamp {
    match session.state {
        SessionState::Active => session.idle_expires_at.min(session.absolute_expires_at),
        SessionState::Revoked(_) => session.absolute_expires_at,
    }
}

pub(super) fn page<'a, Id: Ord + 'a, Row: 'a>(
    rows: &'a BTreeMap<Id, Row>,
    page: &'a Page<Id>,
) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(|(id, _)| page.after.as_ref().is_none_or(|after| *id > after)).map(|(_, row)| row)
}
