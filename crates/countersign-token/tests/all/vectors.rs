//! The token vectors that every verifier in this repository shares: `tests/vectors/access-tokens.json`.
//!
//! They run through [`VerifiedTokens`], which APIs use. A token is verified twice, because a token that passed is
//! remembered.

use std::time::Duration;

use countersign_token::{Expected, JwkSet, KeySet, Timestamp, TokenType, VerifiedTokens};
use serde::Deserialize;
use serde_json::Value;

const FILE: &str = include_str!("../../../../tests/vectors/access-tokens.json");

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
fn the_shared_vectors_are_accepted_and_refused_as_they_say() {
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
fn there_are_enough_of_both_kinds() {
    let vectors: Vectors = serde_json::from_str(FILE).unwrap();
    let accepted = vectors.vectors.iter().filter(|vector| vector.accept).count();
    assert!(accepted >= 50, "{accepted} accepted");
    assert!(vectors.vectors.len() - accepted >= 250, "{} in all", vectors.vectors.len());
}
