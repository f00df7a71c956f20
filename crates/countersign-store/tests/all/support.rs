//! A world, users and sessions for the tests, and every store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::opening::{Opening, current_token};
use countersign_core::password::PasswordHash;
use countersign_core::ratchet::Link;
use countersign_core::refresh::{LateRetry, Presented, RefreshPolicy, Step, rotation};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Grant, Presence, Revoked, RevokedReason, Session, SessionWithUser};
use countersign_core::store::Store;
use countersign_core::user::email::{Email, Verification};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, Username};
use countersign_core::{ClientId, ServerKeys, Timestamp, World, testing};
use countersign_store::{Options, SqliteOptions, StoreUrl};
use countersign_token::Scope;
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Keys, a policy and a world.
pub(crate) struct Kit {
    pub(crate) keys: ServerKeys,
    pub(crate) policy: RefreshPolicy,
    pub(crate) world: World,
}

impl Kit {
    pub(crate) fn new() -> Self {
        let world = testing::world(NOON, 1);
        let keys = ServerKeys::parse(&ServerKeys::generate(&world)).unwrap();
        let policy = RefreshPolicy {
            grace: Duration::from_secs(10),
            late_retry: LateRetry::Revoke,
            idle_lifetime: Duration::from_secs(7 * 86_400),
            absolute_lifetime: Duration::from_secs(30 * 86_400),
        };
        Self { keys, policy, world }
    }

    /// A session of a user that was opened at `at`, and its first token.
    pub(crate) fn session(&self, user: &str, at: Timestamp) -> (Session, RefreshToken) {
        self.open(grant(user), at)
    }

    /// A session for a grant that was opened at `at`, and its first token.
    pub(crate) fn open(&self, grant: Grant, at: Timestamp) -> (Session, RefreshToken) {
        let opening = Opening { grant, user_epoch: 0, by: presence(at) };
        opening.begin(&self.keys, &self.policy, &self.world)
    }

    /// The step that spends `token` at `now`.
    pub(crate) fn step(&self, token: &RefreshToken, now: Timestamp) -> Step {
        let client = ClientId::first_party();
        rotation(&self.keys, Presented { token, client: &client }, &self.policy, now)
    }

    /// The token of the row's current generation.
    pub(crate) fn token(&self, session: &Session, link: Link) -> RefreshToken {
        current_token(session, link, &self.keys).unwrap()
    }
}

pub(crate) fn after(seconds: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(seconds))
}

pub(crate) fn grant(user: &str) -> Grant {
    Grant {
        user: user.parse().unwrap(),
        client: ClientId::first_party(),
        scope: Scope::parse("read write").unwrap(),
        audience: "https://api.example".to_owned(),
        claims: serde_json::from_str(r#"{"tenant":"blue"}"#).unwrap(),
    }
}

pub(crate) fn user(id: &str) -> User {
    let hash = PasswordHash::from_stored(format!("$argon2id$of-{id}"));
    User {
        id: id.parse().unwrap(),
        username: Username::parse(&format!("User-{id}")).unwrap(),
        email: Some(Email::parse(&format!("{id}@example.com"), Verification::Verified).unwrap()),
        password: Some(Password { hash, kind: PasswordKind::Lasting }),
        claims: UserClaims::check(serde_json::json!({"id": id})).unwrap(),
        role: Role::User,
        disabled_at: None,
        epoch: 0,
        sessions_ended_at: None,
        created_at: NOON,
    }
}

pub(crate) fn presence(at: Timestamp) -> Presence {
    Presence { at, address: Some([192, 0, 2, 1].into()), device: "Firefox on Linux".to_owned() }
}

pub(crate) fn revoked(reason: RevokedReason, at: Timestamp) -> Revoked {
    Revoked { reason, by: presence(at), presented: Some(3) }
}

/// Applies a step, and waits until it is durable.
pub(crate) async fn rotate(store: &dyn Store, step: &Step, at: Timestamp) -> Option<SessionWithUser> {
    match store.rotate(step, &presence(at)).await.unwrap() {
        Some(rotated) => rotated.row().await.unwrap(),
        None => None,
    }
}

/// A store under test, and what is needed to open it again.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn Store>,
    _directory: TempDir,
    pub(crate) url: StoreUrl,
    options: Options,
}

impl Subject {
    async fn new(url: impl FnOnce(&Path) -> StoreUrl, options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = url(directory.path());
        let store = countersign_store::open_with(&url, options).await.unwrap();
        Self { store, _directory: directory, url, options }
    }

    /// Closes the store, changes its file with another connection, and opens it again. Does nothing to a
    /// store in memory.
    pub(crate) async fn tamper(&mut self, change: impl FnOnce(&Connection)) {
        let Some(file) = self.url.file() else { return };
        self.store = countersign_store::open(&StoreUrl::Memory).await.unwrap();
        change(&Connection::open(file).unwrap());
        self.store = countersign_store::open_with(&self.url, self.options).await.unwrap();
    }
}

/// Every store, and once more SQLite with a log so short that it is folded all the time.
pub(crate) async fn stores() -> [Subject; 3] {
    let sqlite = |directory: &Path| StoreUrl::Sqlite(directory.join("test.db"));
    let short_log = Options { sqlite: SqliteOptions { window: 2, ..SqliteOptions::default() } };
    [
        Subject::new(|_| StoreUrl::Memory, Options::default()).await,
        Subject::new(sqlite, Options::default()).await,
        Subject::new(sqlite, short_log).await,
    ]
}
