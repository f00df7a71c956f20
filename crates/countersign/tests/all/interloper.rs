//! Races between a check and the write that depends on it.
//!
//! These tests wrap the store. Just before a request writes to an account or a session, the wrapper runs a
//! conflicting write (the interloper). The request must then fail and must not change the result of that
//! write.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use countersign::flows::accounts::NewAccount;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::PasswordHash;
use countersign_core::session::{Presence, Revoked, RevokedReason, Whose};
use countersign_core::store::{Added, Page, Store, UserChange};
use countersign_core::user::{Password, PasswordKind, Role, User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};
use countersign_store::overlay::{Overlaid, Overlay};
use countersign_token::Scope;
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
}

#[async_trait]
impl Overlay for Interloper {
    fn below(&self) -> &dyn Store {
        &*self.inner
    }

    async fn before_conditional_write(&self) {
        let next = self.next.lock().unwrap().take();
        if let Some(write) = next {
            write(self.inner.clone()).await;
        }
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
            Arc::new(Overlaid(around))
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

/// What happens to a registered client.
#[derive(Debug, Clone, Copy)]
enum ClientConflict {
    ReplaceSecret,
    NarrowScope,
    Remove,
    /// Removes the client and registers another one with the same id.
    Reregister,
}

async fn interrupt_client(store: &dyn Store, conflict: ClientConflict, id: &ClientId) {
    let old = store.client(id).await.unwrap().unwrap();
    match conflict {
        ClientConflict::ReplaceSecret => {
            let new = ClientAuthentication::None;
            let replaced = store.replace_client_authentication(id, &[], &old.authentication, &new).await;
            assert!(replaced.unwrap());
        }
        ClientConflict::NarrowScope => {
            let change = ClientChange::Scope(Some(Scope::parse("orders:read").unwrap()));
            store.change_client(id, &[], &[change]).await.unwrap();
        }
        ClientConflict::Remove | ClientConflict::Reregister => {
            store.remove_client(id, &[], &how(RevokedReason::EndedByAdmin)).await.unwrap();
        }
    }
    if matches!(conflict, ClientConflict::Reregister) {
        let other = Client { created_at: old.created_at.plus(Duration::from_secs(1)), ..old };
        assert_eq!(store.add_client(&[], &other).await.unwrap(), Added::Added);
    }
}

#[test]
fn no_session_is_opened_if_its_client_is_changed_before_the_write() {
    use ClientConflict::{NarrowScope, Remove, ReplaceSecret, Reregister};
    for conflict in [ReplaceSecret, NarrowScope, Remove, Reregister] {
        let scene = Scene::new();
        let john = scene.john().id;
        let client = json!({"client_id": "shop", "token_endpoint_auth_method": "client_secret_basic",
                            "audiences": ["https://api.example"], "scope": "orders:write"});
        let added = scene.server.post_as("/v1/admin/clients", &scene.admin.access, &client).json();
        let body = json!({"subject": john, "client_id": "shop", "scope": "orders:write",
                          "client_secret": added["client_secret"]});
        let open = || scene.server.post_as("/v1/admin/sessions", &scene.admin.access, &body);
        assert_eq!(open().status, 201, "{added}");
        scene.interloper.before_the_next_write(Box::new(move |store| {
            Box::pin(async move { interrupt_client(&*store, conflict, &"shop".parse().unwrap()).await })
        }));
        let reply = open();
        assert!(scene.interloper.has_interfered());
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["code"]),
            (409, &json!("changed_meanwhile")),
            "{conflict:?}"
        );
        let theirs = scene.server.runtime.block_on(
            scene.interloper.inner.sessions(&Whose::Client("shop".parse().unwrap()), &Page::first(10)),
        );
        assert_eq!(theirs.unwrap().len(), 1, "{conflict:?}: only the first session was opened");
    }
}
