//! Another request comes between a verification and the write that rests on it, at the worst moment.
//!
//! The store is wrapped: just before the next write of an account or a session,
//! something else happens. Whatever that is, it wins: the request in flight must
//! fail, and leave everything as the interloper left it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::Method;
use countersign::flows::accounts::NewAccount;
use countersign_core::password::PasswordHash;
use countersign_core::session::{Presence, Revoked, RevokedReason, Whose};
use countersign_core::store::{Added, Page, Store, UserChange};
use countersign_core::user::{Password, PasswordKind, Role, User, Username};
use countersign_core::{SessionId, Timestamp, UserId};
use countersign_store::overlay::{Overlaid, Overlay};
use serde_json::json;

use crate::harness::{Call, Harness, PASSWORD, Reply, Tokens};

const OTHER: &str = "hgwq trnb xkcd zpvm";

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Interference = Box<dyn FnOnce(Arc<dyn Store>) -> Work + Send>;

/// A store in which something happens just before the next write.
pub(crate) struct Interloper {
    inner: Arc<dyn Store>,
    next: Mutex<Option<Interference>>,
}

impl Interloper {
    fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, next: Mutex::new(None) })
    }

    fn before_the_next_write(&self, interference: Interference) {
        *self.next.lock().unwrap() = Some(interference);
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
        if let Some(interference) = next {
            interference(self.inner.clone()).await;
        }
    }
}

/// What may come between.
#[derive(Debug, Clone, Copy)]
enum Between {
    Reset,
    Disable,
    SignOutEverywhere,
    SignOutHere,
    Demote,
    Delete,
    /// Deleted, and the name registered by another person.
    Replace,
}

const BETWEEN: [Between; 7] = [
    Between::Reset,
    Between::Disable,
    Between::SignOutEverywhere,
    Between::SignOutHere,
    Between::Demote,
    Between::Delete,
    Between::Replace,
];

fn how(reason: RevokedReason) -> Revoked {
    let by = Presence { at: Timestamp::default(), address: None, device: "another request".to_owned() };
    Revoked { reason, by, presented: None }
}

/// Does it to the user with an id, who has a session.
async fn come_between(store: &dyn Store, this: Between, (id, session): (&UserId, Option<SessionId>)) {
    let own = Whose::User(id.clone());
    let change = match this {
        Between::Reset => UserChange::SetPassword {
            password: Password {
                hash: PasswordHash::from_stored("$argon2id$reset".to_owned()),
                kind: PasswordKind::Temporary,
            },
            keep: None,
            how: how(RevokedReason::PasswordChanged),
        },
        Between::Disable => UserChange::Disable(how(RevokedReason::UserDisabled)),
        Between::Demote => UserChange::SetRole(Role::User),
        Between::Delete | Between::Replace => UserChange::Delete(how(RevokedReason::UserDeleted)),
        Between::SignOutEverywhere => {
            store.revoke_all(&own, None, &how(RevokedReason::EndedByAdmin)).await.unwrap();
            return;
        }
        Between::SignOutHere => {
            if let Some(session) = session {
                assert!(store.revoke(session, &own, &how(RevokedReason::SignedOut)).await.unwrap());
            }
            return;
        }
    };
    let before = store.user(id).await.unwrap().unwrap();
    store.change_user(id, &[], &[change]).await.unwrap();
    if matches!(this, Between::Replace) {
        let other = User { id: "another".parse().unwrap(), epoch: 0, ..before };
        assert_eq!(store.add_user(&[], &other).await.unwrap(), Added::Added);
    }
}

/// Everything but what a sign-in may always change.
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
    /// Jane is an administrator with a session, so that every request is hers to make.
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

    /// Sends a request while something comes between, and checks that what came between is all that happened.
    fn check(&self, name: &str, this: Between, session: Option<SessionId>, call: Call) -> Reply {
        let after = Arc::new(Mutex::new(String::new()));
        let (id, seen) = (self.jane.id.clone(), after.clone());
        self.interloper.before_the_next_write(Box::new(move |store| {
            Box::pin(async move {
                come_between(&*store, this, (&id, session)).await;
                *seen.lock().unwrap() = everything(&*store).await;
            })
        }));
        let reply = self.server.request(call);
        assert!(self.interloper.has_interfered(), "{name} writes");
        let now = self.server.runtime.block_on(everything(&*self.interloper.inner));
        assert_eq!(*after.lock().unwrap(), now, "{name} after {this:?}: {reply:?}");
        assert!([401, 403, 404, 409].contains(&reply.status.as_u16()), "{name} after {this:?}: {reply:?}");
        reply
    }
}

// D6
#[test]
fn a_change_of_ones_own_account_loses_against_whatever_comes_between() {
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
        for this in BETWEEN.into_iter().filter(|this| !matches!(this, Between::Demote)) {
            let scene = Scene::new();
            let session = scene.server.session_of(&scene.tokens.refresh);
            scene.check(name, this, Some(session), request(&scene));
        }
    }
}

// D6
#[test]
fn an_administrators_write_loses_against_whatever_comes_between() {
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
        for this in BETWEEN {
            let scene = Scene::new();
            let session = scene.server.session_of(&scene.admin.refresh);
            let (method, path, body) = request(&scene);
            let call = Call::new(method, &path).bearer(&scene.admin.access).json(&body);
            scene.check(name, this, Some(session), call);
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
fn a_sign_in_loses_against_whatever_ends_all_sessions() {
    let bodies = [
        ("/getTokens", json!({"username": "jane", "password": PASSWORD})),
        ("/v1/sessions", json!({"username": "jane", "password": PASSWORD})),
        ("/v1/sessions", json!({"username": "jane", "password": PASSWORD, "new_password": OTHER})),
    ];
    for (path, body) in bodies {
        for this in
            [Between::Reset, Between::Disable, Between::SignOutEverywhere, Between::Delete, Between::Replace]
        {
            let scene = Scene::new();
            scene.check(path, this, None, Call::post(path).json(&body));
        }
    }
}

#[test]
fn a_refresh_loses_against_whatever_ends_its_session() {
    for this in BETWEEN.into_iter().filter(|this| !matches!(this, Between::Demote)) {
        let scene = Scene::new();
        let session = scene.server.session_of(&scene.tokens.refresh);
        let call = Call::post("/refreshToken").json(&json!({"refreshToken": scene.tokens.refresh}));
        scene.check("a refresh", this, Some(session), call);
    }
}
