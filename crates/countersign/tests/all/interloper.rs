//! Races between a check and the write that depends on it.
//!
//! These tests wrap the store. Just before a request writes to an account or a session, the wrapper runs a
//! conflicting write (the interloper). The request must then fail and must not change the result of that
//! write.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use countersign::flows::accounts::NewAccount;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::{self, PasswordHash};
use countersign_core::refresh::Step;
use countersign_core::revocation::{Revocation, TokenLife};
use countersign_core::session::{Presence, Revoked, RevokedReason, Session, SessionWithUser, Whose};
use countersign_core::store::{
    Added, Answer, Changed, ClientChanged, ClientRemoved, ImportMode, KeyRing, Opened, Page, Position,
    Rotated, SingleUse, Standing, Store, Swept, UserChange,
};
use countersign_core::user::{Password, PasswordKind, Role, User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};
use serde_json::json;

use crate::harness::{Call, Harness, PASSWORD, Reply, Tokens};

const OTHER: &str = "hgwq trnb xkcd zpvm";

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type ConflictingWrite = Box<dyn FnOnce(Arc<dyn Store>) -> Work + Send>;

/// A store that runs a conflicting write just before the next write.
pub(crate) struct Interloper {
    inner: Arc<dyn Store>,
    next: Mutex<Option<ConflictingWrite>>,
}

impl Interloper {
    fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, next: Mutex::new(None) })
    }

    fn before_the_next_write(&self, write: ConflictingWrite) {
        *self.next.lock().unwrap() = Some(write);
    }

    fn has_interfered(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }

    async fn interfere(&self) {
        let next = self.next.lock().unwrap().take();
        if let Some(write) = next {
            write(self.inner.clone()).await;
        }
    }
}

#[async_trait]
impl Store for Interloper {
    async fn add_user(&self, given: &[Standing], user: &User) -> Answer<Added> {
        self.interfere().await;
        self.inner.add_user(given, user).await
    }
    async fn import_users(&self, users: &[User], mode: ImportMode) -> Answer<Vec<Added>> {
        self.interfere().await;
        self.inner.import_users(users, mode).await
    }
    async fn user(&self, id: &UserId) -> Answer<Option<User>> {
        self.inner.user(id).await
    }
    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>> {
        self.inner.user_by_name(name).await
    }
    async fn users(&self, page: &Page<UserId>) -> Answer<Vec<User>> {
        self.inner.users(page).await
    }
    async fn change_user(&self, id: &UserId, given: &[Standing], changes: &[UserChange]) -> Answer<Changed> {
        self.interfere().await;
        self.inner.change_user(id, given, changes).await
    }
    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Answer<bool> {
        self.interfere().await;
        self.inner.rehash(id, old, new).await
    }
    async fn imported_work(&self) -> Answer<password::Work> {
        self.inner.imported_work().await
    }
    async fn open(
        &self,
        session: &Session,
        given: &[Standing],
        spending: Option<&SingleUse>,
    ) -> Answer<Opened> {
        self.interfere().await;
        self.inner.open(session, given, spending).await
    }
    async fn session(&self, id: SessionId) -> Answer<Option<SessionWithUser>> {
        self.inner.session(id).await
    }
    async fn sessions(&self, of: &Whose, page: &Page<SessionId>) -> Answer<Vec<SessionWithUser>> {
        self.inner.sessions(of, page).await
    }
    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        self.interfere().await;
        self.inner.rotate(step, by).await
    }
    async fn revoke(&self, id: SessionId, of: &Whose, how: &Revoked) -> Answer<bool> {
        self.inner.revoke(id, of, how).await
    }
    async fn revoke_all(&self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> Answer<u64> {
        self.inner.revoke_all(of, except, how).await
    }
    async fn sweep(&self, before: Timestamp, page: &Page<SessionId>) -> Answer<Swept> {
        self.inner.sweep(before, page).await
    }
    async fn revocations(&self, after: u64, limit: u32) -> Answer<Vec<Revocation>> {
        self.inner.revocations(after, limit).await
    }
    async fn forget_revocations(&self, number: u64) -> Answer<()> {
        self.inner.forget_revocations(number).await
    }
    async fn begin_token_life(&self, longest: Duration, now: Timestamp) -> Answer<TokenLife> {
        self.inner.begin_token_life(longest, now).await
    }
    async fn add_client(&self, given: &[Standing], client: &Client) -> Answer<Added> {
        self.interfere().await;
        self.inner.add_client(given, client).await
    }
    async fn client(&self, id: &ClientId) -> Answer<Option<Client>> {
        self.inner.client(id).await
    }
    async fn clients(&self, page: &Page<ClientId>) -> Answer<Vec<Client>> {
        self.inner.clients(page).await
    }
    async fn change_client(
        &self,
        id: &ClientId,
        given: &[Standing],
        changes: &[ClientChange],
    ) -> Answer<ClientChanged> {
        self.interfere().await;
        self.inner.change_client(id, given, changes).await
    }
    async fn replace_client_authentication(
        &self,
        id: &ClientId,
        given: &[Standing],
        old: &ClientAuthentication,
        new: &ClientAuthentication,
    ) -> Answer<bool> {
        self.interfere().await;
        self.inner.replace_client_authentication(id, given, old, new).await
    }
    async fn remove_client(&self, id: &ClientId, given: &[Standing], how: &Revoked) -> Answer<ClientRemoved> {
        self.interfere().await;
        self.inner.remove_client(id, given, how).await
    }
    async fn signing_keys(&self) -> Answer<KeyRing> {
        self.inner.signing_keys().await
    }
    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool> {
        self.inner.replace_signing_keys(ring).await
    }
    async fn position(&self) -> Answer<Option<Position>> {
        self.inner.position().await
    }
    async fn ping(&self) -> Answer<()> {
        self.inner.ping().await
    }
    async fn backup(&self, path: &Path) -> Answer<()> {
        self.inner.backup(path).await
    }
    async fn diagnose(&self) -> Answer<Vec<String>> {
        self.inner.diagnose().await
    }
}

/// What happens to the user just before the request's write.
#[derive(Debug, Clone, Copy)]
enum Conflict {
    Reset,
    Disable,
    SignOutEverywhere,
    SignOutHere,
    Demote,
    Delete,
    /// Deletes the user and adds another user with the same name.
    Replace,
}

const CONFLICTS: [Conflict; 7] = [
    Conflict::Reset,
    Conflict::Disable,
    Conflict::SignOutEverywhere,
    Conflict::SignOutHere,
    Conflict::Demote,
    Conflict::Delete,
    Conflict::Replace,
];

fn how(reason: RevokedReason) -> Revoked {
    let by = Presence { at: Timestamp::default(), address: None, device: "another request".to_owned() };
    Revoked { reason, by, presented: None }
}

/// The user whose request is interrupted, and the session of the request; a sign-in has none.
struct Target {
    user: UserId,
    session: Option<SessionId>,
}

async fn interrupt(store: &dyn Store, conflict: Conflict, target: &Target) {
    let id = &target.user;
    let own = Whose::User(id.clone());
    let change = match conflict {
        Conflict::Reset => UserChange::SetPassword {
            password: Password {
                hash: PasswordHash::from_stored("$argon2id$reset".to_owned()),
                kind: PasswordKind::Temporary,
            },
            keep: None,
            how: how(RevokedReason::PasswordChanged),
        },
        Conflict::Disable => UserChange::Disable(how(RevokedReason::UserDisabled)),
        Conflict::Demote => UserChange::SetRole(Role::User),
        Conflict::Delete | Conflict::Replace => UserChange::Delete(how(RevokedReason::UserDeleted)),
        Conflict::SignOutEverywhere => {
            store.revoke_all(&own, None, &how(RevokedReason::EndedByAdmin)).await.unwrap();
            return;
        }
        Conflict::SignOutHere => {
            if let Some(session) = target.session {
                assert!(store.revoke(session, &own, &how(RevokedReason::SignedOut)).await.unwrap());
            }
            return;
        }
    };
    let before = store.user(id).await.unwrap().unwrap();
    store.change_user(id, &[], &[change]).await.unwrap();
    if matches!(conflict, Conflict::Replace) {
        let other = User { id: "another".parse().unwrap(), epoch: 0, ..before };
        assert_eq!(store.add_user(&[], &other).await.unwrap(), Added::Added);
    }
}

/// All users and sessions as text.
async fn everything(store: &dyn Store) -> String {
    let users = store.users(&Page::first(100)).await.unwrap();
    let sessions = store.sessions(&Whose::Everyone, &Page::first(100)).await.unwrap();
    format!("{users:?} {sessions:?}")
}

struct Scene {
    server: Harness,
    interloper: Arc<Interloper>,
    jane: User,
    tokens: Tokens,
    admin: Tokens,
}

impl Scene {
    /// Jane is an administrator with two sessions, so that she may send every request.
    fn new() -> Self {
        let mut interloper = None;
        let server = Harness::over_store(|store| {
            let around = Interloper::around(store);
            interloper = Some(around.clone());
            around
        });
        let account =
            NewAccount { username: "jane".to_owned(), role: Some(Role::Admin), ..NewAccount::default() };
        let jane = server.add(account);
        server.add_user("john");
        let tokens = server.sign_in_for("jane", "");
        let admin = server.sign_in_for("jane", "countersign:admin");
        Self { server, interloper: interloper.unwrap(), jane, tokens, admin }
    }

    /// Sends a request with a conflict before its write. Checks that the request fails and changes nothing.
    fn check(&self, name: &str, conflict: Conflict, session: Option<SessionId>, call: Call) -> Reply {
        let after = Arc::new(Mutex::new(String::new()));
        let (target, seen) = (Target { user: self.jane.id.clone(), session }, after.clone());
        self.interloper.before_the_next_write(Box::new(move |store| {
            Box::pin(async move {
                interrupt(&*store, conflict, &target).await;
                *seen.lock().unwrap() = everything(&*store).await;
            })
        }));
        let reply = self.server.request(call);
        assert!(self.interloper.has_interfered(), "{name} wrote nothing");
        let now = self.server.runtime.block_on(everything(&*self.interloper.inner));
        assert_eq!(*after.lock().unwrap(), now, "{name} after {conflict:?}: {reply:?}");
        assert!(
            [401, 403, 404, 409].contains(&reply.status.as_u16()),
            "{name} after {conflict:?}: {reply:?}"
        );
        reply
    }
}

// D6
#[test]
fn a_users_account_change_fails_if_a_conflicting_write_comes_first() {
    type Request = fn(&Scene) -> Call;
    let requests: [(&str, Request); 3] = [
        ("a password change", |scene| {
            let body = json!({"current_password": PASSWORD, "new_password": OTHER});
            Call::post("/v1/users/me/password").bearer(&scene.tokens.access).json(&body)
        }),
        ("a change of the address", |scene| {
            let body = json!({"current_password": PASSWORD, "email": "jane@example.com"});
            Call::new(Method::PATCH, "/v1/users/me").bearer(&scene.tokens.access).json(&body)
        }),
        ("a deletion", |scene| {
            let body = json!({"current_password": PASSWORD});
            Call::new(Method::DELETE, "/v1/users/me").bearer(&scene.tokens.access).json(&body)
        }),
    ];
    for (name, request) in requests {
        for conflict in CONFLICTS.into_iter().filter(|conflict| !matches!(conflict, Conflict::Demote)) {
            let scene = Scene::new();
            let session = scene.server.session_of(&scene.tokens.refresh);
            scene.check(name, conflict, Some(session), request(&scene));
        }
    }
}

// D6
#[test]
fn an_administrators_write_fails_if_a_conflicting_write_comes_first() {
    type Request = fn(&Scene) -> (Method, String, serde_json::Value);
    let requests: [(&str, Request); 5] = [
        ("a new account", |_| (Method::POST, "/v1/admin/users".to_owned(), json!({"username": "jack"}))),
        ("a change of a role", |scene| {
            (Method::PATCH, format!("/v1/admin/users/{}", scene.john().id), json!({"role": "admin"}))
        }),
        ("a deletion", |scene| (Method::DELETE, format!("/v1/admin/users/{}", scene.john().id), json!({}))),
        ("a reset", |scene| {
            (Method::POST, format!("/v1/admin/users/{}/password", scene.john().id), json!({}))
        }),
        ("a new session", |scene| {
            let body = json!({"subject": scene.john().id.as_str(), "client_id": "first-party"});
            (Method::POST, "/v1/admin/sessions".to_owned(), body)
        }),
    ];
    for (name, request) in requests {
        for conflict in CONFLICTS {
            let scene = Scene::new();
            let session = scene.server.session_of(&scene.admin.refresh);
            let (method, path, body) = request(&scene);
            let call = Call::new(method, &path).bearer(&scene.admin.access).json(&body);
            scene.check(name, conflict, Some(session), call);
        }
    }
}

impl Scene {
    fn john(&self) -> User {
        let name = Username::parse("john").unwrap();
        self.server.runtime.block_on(self.interloper.inner.user_by_name(&name)).unwrap().unwrap()
    }
}

// D6
#[test]
fn a_sign_in_fails_if_all_sessions_are_revoked_before_its_write() {
    let bodies = [
        ("/getTokens", json!({"username": "jane", "password": PASSWORD})),
        ("/v1/sessions", json!({"username": "jane", "password": PASSWORD})),
        ("/v1/sessions", json!({"username": "jane", "password": PASSWORD, "new_password": OTHER})),
    ];
    for (path, body) in bodies {
        for conflict in [
            Conflict::Reset,
            Conflict::Disable,
            Conflict::SignOutEverywhere,
            Conflict::Delete,
            Conflict::Replace,
        ] {
            let scene = Scene::new();
            scene.check(path, conflict, None, Call::post(path).json(&body));
        }
    }
}

#[test]
fn a_refresh_fails_if_its_session_is_revoked_before_its_write() {
    for conflict in CONFLICTS.into_iter().filter(|conflict| !matches!(conflict, Conflict::Demote)) {
        let scene = Scene::new();
        let session = scene.server.session_of(&scene.tokens.refresh);
        let call = Call::post("/refreshToken").json(&json!({"refreshToken": scene.tokens.refresh}));
        scene.check("a refresh", conflict, Some(session), call);
    }
}
