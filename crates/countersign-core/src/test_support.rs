//! Fixtures for the tests of this crate: a world, keys, a user, a session.

use std::time::Duration;

use countersign_token::Scope;
use serde_json::Map;

use crate::opening::Opening;
use crate::refresh::{LateRetry, RefreshPolicy};
use crate::refresh_token::RefreshToken;
use crate::session::{Grant, Presence, SessionWithUser};
use crate::user::{Role, User, UserClaims, Username};
use crate::{ClientId, Secret, ServerKeys, Timestamp, World, testing};

pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) fn world() -> World {
    testing::world(NOON, 1)
}

/// A path as a client sends it: other characters than ASCII are percent-encoded.
pub(crate) fn encoded(path: &str) -> String {
    let encode =
        |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(encode).collect()
}

/// One master key for each seed, the newest first.
pub(crate) fn server_keys(seeds: &[u8]) -> ServerKeys {
    let key = |seed: &u8| ServerKeys::generate(&testing::world(NOON, (*seed).into())).expose().clone();
    let lines: Vec<_> = seeds.iter().map(key).collect();
    ServerKeys::parse(&Secret::new(lines.join("\n"))).unwrap()
}

pub(crate) fn policy(late_retry: LateRetry) -> RefreshPolicy {
    RefreshPolicy {
        grace: Duration::from_secs(10),
        late_retry,
        idle_lifetime: Duration::from_secs(7 * 86_400),
        absolute_lifetime: Duration::from_secs(30 * 86_400),
    }
}

pub(crate) fn presence(at: Timestamp) -> Presence {
    Presence { at, address: None, device: "a test".to_owned() }
}

pub(crate) fn user() -> User {
    User {
        id: "1".parse().unwrap(),
        username: Username::parse("john_doe").unwrap(),
        email: None,
        password: None,
        claims: UserClaims::default(),
        role: Role::User,
        disabled_at: None,
        epoch: 0,
        sessions_ended_at: None,
        created_at: NOON,
    }
}

pub(crate) fn grant() -> Grant {
    Grant {
        user: user().id,
        client: ClientId::first_party(),
        scope: Scope::default(),
        audience: "https://api.example".to_owned(),
        claims: Map::new(),
    }
}

/// A session that was opened at noon under `keys`, its user and its first token.
pub(crate) fn opened(keys: &ServerKeys, grant: Grant) -> (SessionWithUser, RefreshToken) {
    let opening = Opening { grant, user_epoch: 0, by: presence(NOON) };
    let (session, token) = opening.begin(keys, &policy(LateRetry::Revoke), &world());
    (SessionWithUser { session, user: Some(user()) }, token)
}
