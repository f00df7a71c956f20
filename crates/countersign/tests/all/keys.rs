//! Signing keys: verifiers accept all tokens during a rotation, and private keys are useless without the
//! master key.

use std::time::Duration;

use countersign_core::{Secret, ServerKeys, Timestamp, testing};
use countersign_token::{AccessTokenClaims, Algorithm, Expected, JwkSet, KeySet, TokenType, verify};
use serde_json::Value;

use crate::harness::{Harness, ISSUER, Tokens};
use crate::process::{Process, command};

/// A resource server that fetches the key set once an hour and not in between.
struct CachingVerifier {
    keys: KeySet,
    fetched_at: u64,
}

impl CachingVerifier {
    fn fetch(server: &Harness) -> Self {
        let published = server.get("/.well-known/jwks.json");
        assert_eq!(published.header("content-type"), Some("application/jwk-set+json"));
        let keys = KeySet::from(JwkSet::parse(published.text.as_bytes()).unwrap());
        Self { keys, fetched_at: server.now().seconds() }
    }

    fn accepts(&self, server: &Harness, token: &str) -> bool {
        let expected = Expected {
            issuer: ISSUER.to_owned(),
            audience: ISSUER.to_owned(),
            token_type: TokenType::AccessToken,
            leeway: Duration::ZERO,
        };
        verify::<AccessTokenClaims>(token, &self.keys, &expected, server.now()).is_ok()
    }
}

fn kids(server: &Harness) -> Vec<String> {
    let set = server.get("/.well-known/jwks.json").json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

// C8
#[test]
fn a_verifier_that_caches_keys_for_an_hour_survives_three_rotations() {
    let server =
        Harness::with(|config| config.signing_keys.rotate_after = countersign::config::Lifetime::minutes(70));
    server.add_user("jane");
    let mut refresh = server.sign_in("jane").refresh;
    // Three verifiers whose caches expire at different times.
    let mut verifiers: Vec<_> = (0..3).map(|_| CachingVerifier::fetch(&server)).collect();
    verifiers.iter_mut().zip(0..).for_each(|(verifier, phase)| verifier.fetched_at -= phase * 1200);
    let (mut issued, mut signers) = (Vec::<(u64, String)>::new(), std::collections::BTreeSet::new());
    for _minute in 0..300 {
        server.wait_seconds(60);
        server.keep_keys();
        let now = server.now().seconds();
        let tokens = Tokens::of_tutorial(&server.refresh(&refresh));
        refresh = tokens.refresh;
        let header = countersign_token::unverified::decode(&tokens.access).unwrap().header;
        signers.insert(header["kid"].as_str().unwrap().to_owned());
        issued.push((now, tokens.access));
        issued.retain(|(at, _)| now - at < 900);
        for verifier in &mut verifiers {
            if now - verifier.fetched_at >= 3600 {
                *verifier = CachingVerifier::fetch(&server);
            }
            for (at, token) in &issued {
                assert!(
                    verifier.accepts(&server, token),
                    "issued at {at}, cached at {}",
                    verifier.fetched_at
                );
            }
        }
    }
    assert!(signers.len() >= 4, "{} keys signed: three rotations", signers.len());
}

#[test]
fn a_retired_key_leaves_the_key_set_after_its_last_token_has_expired() {
    let server = Harness::new();
    let first = kids(&server);
    server.rotate_keys();
    let second = kids(&server);
    assert_eq!((first.len(), second.len()), (2, 3));
    assert!(first.iter().all(|kid| second.contains(kid)));
    server.wait_seconds(945 + 3600);
    server.keep_keys();
    assert_eq!(kids(&server).len(), 2);
}

// C6
#[test]
fn every_published_key_has_a_key_id_and_only_public_members() {
    let server = Harness::new();
    server.rotate_keys();
    let set: Value = server.get("/.well-known/jwks.json").json();
    for key in set["keys"].as_array().unwrap() {
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
}

#[test]
fn each_algorithm_signs_tokens_that_verifiers_accept() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa, Algorithm::Es256] {
        let server = Harness::with(|config| config.access_token.algorithm = algorithm);
        server.add_user("jane");
        let token = server.sign_in("jane").access;
        assert!(CachingVerifier::fetch(&server).accepts(&server, &token), "{algorithm}");
    }
}

#[test]
fn hs256_signs_with_the_shared_secret_and_publishes_no_key() {
    let server = Harness::with(|config| {
        config.access_token.algorithm = Algorithm::Hs256;
        config.access_token.secret = Some(Secret::new("a secret of thirty-two bytes or so".to_owned()));
    });
    server.add_user("jane");
    let token = server.sign_in("jane").access;
    assert_eq!(server.get_as("/protectedRoute", &token).status, 200);
    assert_eq!(server.get("/.well-known/jwks.json").text, r#"{"keys":[]}"#);
}

#[test]
fn a_key_of_a_new_algorithm_is_published_before_it_signs() {
    let server = Harness::new();
    server.add_user("jane");
    let token = server.sign_in("jane").access;
    let server = server.restart(|config| config.access_token.algorithm = Algorithm::EdDsa);
    let alg = |token: &str| countersign_token::unverified::decode(token).unwrap().header["alg"].clone();
    assert_eq!(alg(&server.sign_in("jane").access), "ES256", "verifiers do not have the new key yet");
    server.wait_seconds(3900);
    server.keep_keys();
    assert_eq!(alg(&server.sign_in("jane").access), "EdDSA");
    assert_eq!(kids(&server).len(), 3);
    assert_eq!(alg(&token), "ES256");
}

// C5
#[test]
fn a_token_for_another_audience_is_rejected() {
    let server =
        Harness::with(|config| config.access_token.audience = Some("https://api.example".to_owned()));
    server.add_user("jane");
    let token = server.sign_in("jane").access;
    assert!(!CachingVerifier::fetch(&server).accepts(&server, &token));
    assert_eq!(server.get_as("/protectedRoute", &token).status, 200);
    let server =
        server.restart(|config| config.access_token.audience = Some("https://other.example".to_owned()));
    assert_eq!(server.get_as("/protectedRoute", &token).status, 403);
}

#[test]
fn an_old_master_key_can_be_removed_after_signing_keys_are_reencrypted() {
    let server = Harness::new();
    server.rotate_keys();
    let path = server.directory.path().join("master-key");
    let old = std::fs::read_to_string(&path).unwrap();
    let new = ServerKeys::generate(&server.edge.app.world).expose().clone();
    std::fs::write(&path, format!("{new}\n{old}")).unwrap();
    let server = server.restart(|_| {});
    let before = kids(&server);
    std::fs::write(&path, new).unwrap();
    let server = server.restart(|_| {});
    assert_eq!(kids(&server), before);
    server.add_user("jane");
    server.sign_in("jane");
}

// G5
#[test]
fn the_data_directory_has_no_usable_token_or_key_without_the_master_key() {
    let server = Harness::new();
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    let next = Tokens::of_tutorial(&server.refresh(&tokens.refresh)).refresh;
    let mut needles = Vec::new();
    for token in [&tokens.refresh, &next] {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
        needles.push(bytes[34..50].to_vec());
        needles.push(token.as_bytes()[40..].to_vec());
    }
    needles.push(crate::harness::PASSWORD.as_bytes().to_vec());
    needles.push(tokens.access.as_bytes().to_vec());
    let mut files = 0;
    for entry in std::fs::read_dir(server.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        for needle in &needles {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{:?}", entry.path());
        }
        files += 1;
    }
    assert!(files >= 3, "at least the database, its write-ahead log and the master key");
    let app = &server.edge.app;
    let ring = server.runtime.block_on(app.store.signing_keys()).unwrap();
    let other_keys = ServerKeys::parse(&ServerKeys::generate(&app.world)).unwrap();
    for key in &ring.keys {
        assert!(other_keys.unwrap("csr/signing-key", &key.private).is_none());
        assert!(app.server_keys.unwrap("csr/signing-key", &key.private).is_some());
        let private = app.server_keys.unwrap("csr/signing-key", &key.private).unwrap();
        let plain = private.expose();
        let found = std::fs::read(server.directory.path().join("countersign.db-wal")).unwrap();
        assert!(!found.windows(32).any(|window| plain.windows(32).any(|part| part == window)));
    }
}

#[test]
fn doctor_changes_nothing_with_any_configured_master_key() {
    let directory = tempfile::tempdir().unwrap();
    Process::dev(directory.path()).stop();
    let old = std::fs::read_to_string(directory.path().join("data/master-key")).unwrap();
    let new = ServerKeys::generate(&testing::world(Timestamp::from_seconds(1), 9));
    let two = directory.path().join("two-keys");
    std::fs::write(&two, format!("{}\n{old}", new.expose())).unwrap();
    std::fs::set_permissions(&two, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for file in ["two-keys", "data/master-key"] {
        let mut doctor = command(directory.path());
        let output = doctor.arg("doctor").env("COUNTERSIGN_MASTER_KEY_FILE", file).output().unwrap();
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Another program writes a public key to the database, with the private key of one of this server's keys
/// or an invalid one.
// G5
#[test]
fn signing_keys_that_another_program_inserted_are_not_trusted_or_published() {
    let server = Harness::new();
    server.add_user("jane");
    let own = kids(&server);
    let material = countersign_token::SigningKey::generate(Algorithm::Es256).unwrap();
    let foreign = |kid: &str| {
        let kid = countersign_token::KeyId::parse(kid).unwrap();
        countersign_token::SigningKey::parse(Algorithm::Es256, kid, &material).unwrap()
    };
    for (kid, private) in [("another", "private_key"), ("garbage", "x'00'")] {
        let public = serde_json::to_string(&foreign(kid).public_jwk().unwrap()).unwrap();
        let insert = format!(
            "INSERT INTO signing_keys SELECT ?1, algorithm, ?2, {private}, published_at, 'retired', 4102444800
             FROM signing_keys WHERE state = 'active'"
        );
        assert_eq!(server.database().execute(&insert, [kid, &public]).unwrap(), 1);
    }
    server.keep_keys();
    assert_eq!(kids(&server), own);
    let access = server.sign_in("jane").access;
    let claims = countersign_token::unverified::decode(&access).unwrap().claims;
    let forged = foreign("another").sign(TokenType::AccessToken, &claims).unwrap();
    assert_eq!(server.get_as("/protectedRoute", &access).status, 200);
    assert_eq!(server.get_as("/protectedRoute", &forged).status, 403);
}
