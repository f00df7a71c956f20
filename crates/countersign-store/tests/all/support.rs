//! A world that stands still, users and sessions to play with, and every store that there is.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::opening::{Opening, current_token};
use countersign_core::password::PasswordHash;
use countersign_core::ratchet::Link;
use countersign_core::refresh::{LateRetry, Presented, RefreshPolicy, Step, rotation};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Grant, Mode, Presence, Revoked, RevokedReason, Session};
use countersign_core::store::Store;
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, Username};
use countersign_core::{ClientId, ServerKeys, Timestamp, World, testing};
use countersign_token::Scope;
use tempfile::TempDir;

pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// What every test needs: keys, a policy and a world.
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

    /// A session of `user`, opened at `at`, and its first token.
    pub(crate) fn session(&self, user: &str, at: Timestamp) -> (Session, RefreshToken) {
        self.open(grant(user), at)
    }

    /// A session for a grant, opened at `at`, and its first token.
    pub(crate) fn open(&self, grant: Grant, at: Timestamp) -> (Session, RefreshToken) {
        let opening = Opening { grant, user_epoch: 0, by: presence(at) };
        opening.begin(&self.keys, &self.policy, &self.world)
    }

    /// The step that spends `token` at `now`.
    pub(crate) fn step(&self, token: &RefreshToken, now: Timestamp) -> Step {
        let client = ClientId::first_party();
        rotation(&self.keys, Presented { token, client: &client, key_thumbprint: None }, &self.policy, now)
    }

    /// The token of the generation that the row is at.
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
        key_thumbprint: None,
        mode: Mode::Rotate,
    }
}

pub(crate) fn user(id: &str) -> User {
    let hash = PasswordHash::from_phc(format!("$argon2id$of-{id}"));
    User {
        id: id.parse().unwrap(),
        username: Username::parse(&format!("User-{id}")).unwrap(),
        email: Some(format!("{id}@example.com")),
        password: Some(Password { hash, kind: PasswordKind::Lasting }),
        claims: UserClaims::check(serde_json::json!({"id": id})).unwrap(),
        role: Role::User,
        disabled_at: None,
        epoch: 0,
        created_at: NOON,
    }
}

pub(crate) fn presence(at: Timestamp) -> Presence {
    Presence { at, address: Some([192, 0, 2, 1].into()), device: "Firefox on Linux".to_owned() }
}

pub(crate) fn revoked(reason: RevokedReason, at: Timestamp) -> Revoked {
    Revoked { reason, by: presence(at), presented: Some(3) }
}

/// Every store, each with the directory that it lives in.
pub(crate) fn stores() -> Vec<(&'static str, Arc<dyn Store>, TempDir)> {
    let directory = || tempfile::tempdir().unwrap();
    let (memory, sqlite) = (directory(), directory());
    let file = format!("sqlite:{}", sqlite.path().join("test.db").display());
    vec![
        ("memory", countersign_store::open("memory:").unwrap(), memory),
        ("sqlite", countersign_store::open(&file).unwrap(), sqlite),
    ]
}
