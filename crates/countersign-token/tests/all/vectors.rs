//! The vectors that all verifiers in this repository share: `tests/vectors/access-tokens.json` and
//! `key-sets.json`.
//!
//! The tests use [`VerifiedTokens`], as APIs do. They verify each token twice, because the second time it may
//! come from the cache.

use std::time::Duration;

use countersign_token::{Expected, JwkSet, KeySet, Timestamp, TokenType, VerifiedTokens};
use serde::Deserialize;
use serde_json::Value;

const FILE: &str = include_str!("../../../../tests/vectors/access-tokens.json");

const KEY_SETS: &str = include_str!("../../../../tests/vectors/key-sets.json");

#[derive(Deserialize)]
struct Vectors {
    issuer: String,
    audience: String,
    now: u64,
    jwks: Value,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    token: String,
    accept: bool,
    reason: String,
}

fn verifier(vectors: &Vectors) -> VerifiedTokens {
    let keys = KeySet::from(JwkSet::from_value(&vectors.jwks).unwrap());
    let expected = Expected {
        issuer: vectors.issuer.clone(),
        audience: vectors.audience.clone(),
        token_type: TokenType::AccessToken,
        leeway: Duration::from_secs(5),
    };
    VerifiedTokens::new(keys, expected, 1000)
}

// C1, C2, C3, C4, C5, C7
#[test]
fn the_shared_vectors_give_the_stated_result() {
    let vectors: Vectors = serde_json::from_str(FILE).unwrap();
    let verifier = verifier(&vectors);
    let now = Timestamp::from_seconds(vectors.now);
    let mut wrong = Vec::new();
    for Vector { name, token, accept, reason } in &vectors.vectors {
        for outcome in [verifier.verify(token, now), verifier.verify(token, now)] {
            if outcome.is_ok() != *accept {
                wrong.push(format!("{name}: {:?}, but accept is {accept}: {reason}", outcome.err()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_file_has_enough_valid_and_invalid_tokens() {
    let vectors: Vectors = serde_json::from_str(FILE).unwrap();
    let accepted = vectors.vectors.iter().filter(|vector| vector.accept).count();
    assert!(accepted >= 50, "{accepted} accepted");
    assert!(vectors.vectors.len() - accepted >= 250, "{} in all", vectors.vectors.len());
}

#[derive(Deserialize)]
struct KeySets {
    vectors: Vec<KeySetVector>,
}

#[derive(Deserialize)]
struct KeySetVector {
    name: String,
    jwks: Value,
    /// `None` if the set is rejected, or if none of its keys has a `kid`.
    usable: Option<Vec<String>>,
}

// C6
#[test]
fn the_stated_keys_of_the_shared_key_sets_are_usable() {
    let KeySets { vectors } = serde_json::from_str(KEY_SETS).unwrap();
    assert!(vectors.len() > 80);
    for KeySetVector { name, jwks, usable } in vectors {
        let keys = JwkSet::from_value(&jwks).map(KeySet::from).unwrap_or_default();
        let named = |key: &countersign_token::VerifyingKey| format!("{} {}", key.key_id(), key.algorithm());
        let mut found: Vec<_> = keys.iter().map(named).collect();
        let mut usable = usable.unwrap_or_default();
        // A `KeySet` is ordered by `kid`.
        usable.sort();
        found.sort();
        assert_eq!(found, usable, "{name}");
    }
}
