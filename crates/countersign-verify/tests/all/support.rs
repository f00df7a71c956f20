//! Keys, tokens and a clock for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_token::{Algorithm, KeyId, KeySet, SigningKey, TokenType};
use countersign_verify::{Clock, Timestamp};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Sessions in the order in which they were opened.
pub(crate) const SESSIONS: [&str; 4] = [
    "0190a6c4-7d3e-7000-8000-0123456789ab",
    "0190a6c4-7d3e-7000-8000-fedcba987654",
    "0190a6c4-7d3f-7000-8000-000000000000",
    "0290a6c4-0000-7000-8000-000000000000",
];

/// A clock that stands still until it is set.
#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicU64>);

impl Time {
    pub(crate) fn at_noon() -> Self {
        Self(Arc::new(AtomicU64::new(NOW.seconds())))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::from_fn(move || time.now())
    }
}

pub(crate) fn key(kid: &str) -> SigningKey {
    let material = SigningKey::generate(Algorithm::Es256).unwrap();
    SigningKey::parse(Algorithm::Es256, KeyId::parse(kid).unwrap(), &material).unwrap()
}

pub(crate) fn key_set(keys: &[&SigningKey]) -> KeySet {
    KeySet::new(keys.iter().map(|key| key.verifying_key()))
}

/// What a server of this issuer says of Alice, in her first session, for ten minutes from [`NOW`] on.
pub(crate) fn claims_of(issuer: &str) -> Value {
    json!({
        "iss": issuer, "sub": "alice", "aud": AUDIENCE, "exp": NOW.seconds() + 600, "iat": NOW.seconds(),
        "jti": "t1", "client_id": "web", "scope": "read", "sid": SESSIONS[0], "username": "alice",
    })
}

/// [`claims_of`] with one claim replaced.
pub(crate) fn claims_with(issuer: &str, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims_of(issuer);
    claims[name] = value.into();
    claims
}

pub(crate) fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign(TokenType::AccessToken, claims).unwrap()
}

/// The claims of a piece that follows `after` and lists `revocations`.
pub(crate) fn piece_of(issuer: &str, at: Timestamp, span: (Option<&str>, &str), revocations: Value) -> Value {
    json!({
        "iss": issuer, "aud": issuer, "iat": at, "exp": at.plus(Duration::from_secs(60)),
        "after": span.0, "cursor": span.1, "more": false, "revocations": revocations,
    })
}

pub(crate) fn sign_piece(key: &SigningKey, claims: &Value) -> String {
    key.sign(TokenType::Revocations, claims).unwrap()
}

/// A quarter of an hour after [`NOW`], when the tokens of a session that is revoked now have expired.
pub(crate) fn entry_expires() -> u64 {
    NOW.seconds() + 900
}

/// Waits until it is so. The deadline is for a machine that is very busy.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "never: {what}");
}

/// A token that names a key; whoever does not know the key looks no further.
pub(crate) fn token_with_key(kid: &str) -> String {
    token_with_header(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }))
}

/// A token with this header and no good signature.
pub(crate) fn token_with_header(header: &Value) -> String {
    format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header.to_string()))
}
