//! A minimal test of each set of features: a token is verified and nothing panics. `cargo xtask check` runs
//! it once for each set.

use countersign_token::{Algorithm, KeyId, SigningKey, TokenType};
use countersign_verify::{KeySet, Timestamp, Verifier};
use serde_json::{Value, json};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW.seconds() + 600, "iat": NOW.seconds(),
        "jti": "t1", "client_id": "web", "sid": "0190a6c4-7d3e-7000-8000-0123456789ab",
    })
}

// incident 6
#[test]
fn a_token_of_each_algorithm_is_verified() {
    for algorithm in Algorithm::ALL {
        let material = SigningKey::generate(algorithm).unwrap();
        let key = SigningKey::parse(algorithm, KeyId::parse("k").unwrap(), &material).unwrap();
        let verifier = Verifier::new(ISSUER, AUDIENCE, KeySet::new([key.verifying_key()]));
        let token = key.sign(TokenType::AccessToken, &claims()).unwrap();
        assert_eq!(verifier.verify(&token, NOW).unwrap().sub, "alice", "{algorithm}");
        assert!(verifier.verify(&token[1..], NOW).is_err());
    }
}

// incident 6
#[cfg(feature = "fetch")]
#[test]
fn a_request_to_an_https_issuer_does_not_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // No process listens on this port.
    let outcome = runtime.block_on(Verifier::discover("https://127.0.0.1:9", AUDIENCE));
    assert!(matches!(outcome, Err(countersign_verify::IssuerError::Request(_))), "{outcome:?}");
}

// incident 6
#[cfg(feature = "tower")]
#[test]
fn creating_a_layer_does_not_panic() {
    use tower::Layer as _;

    let verifier = Verifier::new(ISSUER, AUDIENCE, KeySet::default());
    let service = tower::service_fn(|_: ()| async { Ok::<_, ()>(()) });
    drop(countersign_verify::RequireToken::new(verifier).scope("read").layer(service));
}
