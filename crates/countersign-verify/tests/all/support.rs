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

/// A clock that changes only when a test sets it.
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

/// The claims of a token of Alice in her first session, valid for ten minutes from [`NOW`].
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

/// The cursors before and after a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursors<'a> {
    /// `None` for a first page.
    pub(crate) after: Option<&'a str>,
    pub(crate) cursor: &'a str,
}

/// The claims of a page that lists `revocations`.
pub(crate) fn page_of(issuer: &str, at: Timestamp, cursors: Cursors<'_>, revocations: Value) -> Value {
    json!({
        "iss": issuer, "aud": issuer, "iat": at, "exp": at.plus(Duration::from_secs(60)),
        "after": cursors.after, "cursor": cursors.cursor, "more": false, "revocations": revocations,
    })
}

pub(crate) fn sign_page(key: &SigningKey, claims: &Value) -> String {
    key.sign(TokenType::Revocations, claims).unwrap()
}

/// 15 minutes after [`NOW`], when the tokens of a session that is revoked now have expired.
pub(crate) fn entry_expires() -> u64 {
    NOW.seconds() + 900
}

/// Waits until `is_so` returns `true`, at most a minute, because the machine may be very busy.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "timed out: {what}");
}

/// A token with this `kid`. Its signature is invalid, so it is for tests with unknown keys.
pub(crate) fn token_with_key(kid: &str) -> String {
    token_with_header(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }))
}

/// A token with this header and an invalid signature.
pub(crate) fn token_with_header(header: &Value) -> String {
    format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header.to_string()))
}
