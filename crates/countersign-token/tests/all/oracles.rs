//! Other JWT libraries verify the tokens of this crate and the other way round, for every algorithm.
//!
//! Rust's `jsonwebtoken` runs in the test. The libraries of Node and Python run in one process per test,
//! which reads a batch of requests from stdin (`tests/oracles/README.md`).

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_token::{Algorithm, JwkSet, Secret, Timestamp, TokenType, legacy};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, NOW, claims, claims_with, encode, material, signing_key, verified};

/// The other libraries read the system clock, so tokens that they must accept are valid until 2096.
fn lasting_claims() -> Value {
    claims_with("exp", json!(4_000_000_000_u64))
}

/// Tokens that every library must reject.
fn rejected_tokens(algorithm: Algorithm) -> Vec<String> {
    let sign = |token_type, claims: Value| signing_key(algorithm).sign(token_type, &claims).unwrap();
    let valid = sign(TokenType::AccessToken, lasting_claims());
    let other = sign(TokenType::AccessToken, claims_with("exp", json!(4_000_000_001_u64)));
    let (signed, _) = valid.rsplit_once('.').unwrap();
    let (_, foreign_signature) = other.rsplit_once('.').unwrap();
    let with = |name, value| {
        let mut claims = lasting_claims();
        claims[name] = value;
        sign(TokenType::AccessToken, claims)
    };
    vec![
        format!("{signed}.{foreign_signature}"),
        format!("{signed}."),
        with("exp", json!(1_000_000_000)),
        with("nbf", json!(4_000_000_000_u64)),
        with("aud", json!("https://other.example")),
        with("iss", json!("https://other.example")),
    ]
}

fn published() -> JwkSet {
    JwkSet { keys: Algorithm::ALL.into_iter().filter_map(|a| signing_key(a).public_jwk()).collect() }
}

mod rust_jsonwebtoken {
    use super::*;
    use jsonwebtoken::jwk::JwkSet as TheirJwkSet;
    use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};

    fn their(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
        algorithm.name().parse().unwrap()
    }

    fn read(algorithm: Algorithm, token: &str) -> Result<Value, jsonwebtoken::errors::Error> {
        let keys: TheirJwkSet = serde_json::from_value(json!(published())).unwrap();
        let key = match keys.find(algorithm.name()) {
            Some(jwk) => DecodingKey::from_jwk(jwk)?,
            None => DecodingKey::from_secret(material(algorithm).expose()),
        };
        let mut validation = Validation::new(their(algorithm));
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        decode(token, &key, &validation).map(|data| data.claims)
    }

    #[test]
    fn verifies_our_tokens() {
        for algorithm in Algorithm::ALL {
            let token = signing_key(algorithm).sign(TokenType::AccessToken, &lasting_claims()).unwrap();
            assert_eq!(read(algorithm, &token).unwrap(), lasting_claims());
        }
    }

    #[test]
    fn rejects_the_tokens_that_we_reject() {
        for algorithm in Algorithm::ALL {
            for token in rejected_tokens(algorithm) {
                assert!(read(algorithm, &token).is_err() && verified(&token).is_err(), "{token}");
            }
        }
    }

    #[test]
    fn signs_tokens_that_we_verify() {
        for algorithm in Algorithm::ALL {
            let bytes = material(algorithm).expose();
            let key = match algorithm {
                Algorithm::Es256 => EncodingKey::from_ec_der(bytes),
                Algorithm::EdDsa => EncodingKey::from_ed_der(bytes),
                // The crate expects PKCS#1 here, which is the last element of PKCS#8.
                Algorithm::Rs256 | Algorithm::Ps256 => EncodingKey::from_rsa_der(&bytes[26..]),
                Algorithm::Hs256 => EncodingKey::from_secret(bytes),
            };
            let mut header = Header::new(their(algorithm));
            header.typ = Some("at+jwt".into());
            header.kid = Some(algorithm.name().into());
            let token = encode(&header, &claims(), &key).unwrap();
            assert_eq!(verified(&token).unwrap(), claims(), "{algorithm}");
        }
    }
}

mod node {
    use super::*;

    #[test]
    fn jose_agrees_for_every_algorithm() {
        agrees(&Oracle::node(), &Algorithm::ALL, "jose");
    }

    #[test]
    fn jsonwebtoken_agrees_for_every_algorithm_but_eddsa() {
        let known = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Hs256];
        agrees(&Oracle::node(), &known, "jsonwebtoken");
    }

    #[test]
    fn legacy_tokens_of_jsonwebtoken_verify() {
        let claims = json!({ "id": 1, "username": "john_doe", "iat": NOW.seconds() });
        let secrets = ["x", "your_access_token_secret", "pässwörd"];
        let requests = secrets.map(|secret| json!({ "do": "tutorial", "secret": secret, "claims": claims }));
        let answers = Oracle::node().ask(requests.to_vec());
        for (secret, answer) in secrets.into_iter().zip(answers) {
            let key = legacy::LegacyKey::new(&Secret::new(secret.to_owned())).unwrap();
            let token = answer["token"].as_str().unwrap();
            let read = legacy::verify(token, &key, Duration::ZERO, NOW).unwrap();
            assert_eq!(read["username"], json!("john_doe"));
            let after = Timestamp::from_seconds(NOW.seconds() + 30);
            assert!(legacy::verify(token, &key, Duration::ZERO, after).is_err());
        }
    }
}

mod python {
    use super::*;

    #[test]
    fn pyjwt_agrees_for_every_algorithm() {
        agrees(&Oracle::python(), &Algorithm::ALL, "PyJWT");
    }
}

/// Checks three things per algorithm, in one batch: the library verifies our token, we verify its token, and
/// it rejects the tokens that we reject.
fn agrees(oracle: &Oracle, algorithms: &[Algorithm], library: &str) {
    let mut requests = Vec::new();
    for &algorithm in algorithms {
        requests.push(json!({
            "do": "sign", "library": library, "algorithm": algorithm, "key_id": algorithm.name(),
            "key": encode(material(algorithm).expose()), "claims": claims(),
        }));
        let ours = signing_key(algorithm).sign(TokenType::AccessToken, &lasting_claims()).unwrap();
        let tokens = std::iter::once(ours).chain(rejected_tokens(algorithm));
        requests.extend(tokens.map(|token| verifying_request(algorithm, library, &token)));
    }
    let answers = oracle.ask(requests);
    let per_algorithm = answers.len() / algorithms.len();
    for (&algorithm, answers) in algorithms.iter().zip(answers.chunks(per_algorithm)) {
        let theirs = answers[0]["token"].as_str().unwrap_or_else(|| panic!("{algorithm}: {}", answers[0]));
        assert_eq!(verified(theirs).unwrap(), claims(), "we verify {algorithm} of {library}");
        assert_eq!(answers[1]["claims"], lasting_claims(), "{library} verifies {algorithm}: {}", answers[1]);
        for (token, answer) in rejected_tokens(algorithm).iter().zip(&answers[2..]) {
            assert!(answer["refused"].is_string(), "{library} accepts {token}");
            assert!(verified(token).is_err());
        }
    }
}

fn verifying_request(algorithm: Algorithm, library: &str, token: &str) -> Value {
    let mut request = json!({ "do": "verify", "library": library, "algorithm": algorithm, "token": token });
    if algorithm.is_symmetric() {
        request["secret"] = json!(encode(material(algorithm).expose()));
    } else {
        request["jwks"] = json!(published());
    }
    request
}

struct Oracle {
    program: PathBuf,
    script: PathBuf,
}

impl Oracle {
    fn node() -> Self {
        let script = root().join("tests/oracles/oracle.mjs");
        Self::installed("node".into(), script, &root().join("tests/oracles/node_modules/jose"))
    }

    fn python() -> Self {
        let program = root().join("target/oracles/venv/bin/python3");
        Self::installed(program.clone(), root().join("tests/oracles/oracle.py"), &program)
    }

    fn installed(program: PathBuf, script: PathBuf, sign_of_it: &std::path::Path) -> Self {
        assert!(sign_of_it.exists(), "run `cargo xtask check` once; it installs the oracles");
        Self { program, script }
    }

    fn ask(&self, requests: Vec<Value>) -> Vec<Value> {
        let batch =
            json!({ "issuer": ISSUER, "audience": AUDIENCE, "type": "at+jwt", "requests": &requests });
        let mut process = Command::new(&self.program)
            .arg(&self.script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run `cargo xtask check` once; it installs the oracles");
        // Both scripts read all input before they write output, so this cannot deadlock.
        process.stdin.take().unwrap().write_all(batch.to_string().as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{} failed", self.script.display());
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answers.len(), requests.len());
        answers
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
