//! Tokens that are signed and then verified with the same key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_token::{
    AccessTokenClaims, Algorithm, Audience, KeySet, Scope, SignError, TokenType, VerifyError, VerifyingKey,
    legacy, unverified, verify,
};
use proptest::prelude::{Strategy as _, any, proptest};
use serde_json::{Map, Value, json};

use crate::support::{
    AUDIENCE, ISSUER, NOW, all_keys, claims, claims_with, expected, material, signing_key, verified,
};

#[test]
fn every_algorithm_verifies_what_it_signed() {
    for algorithm in Algorithm::ALL {
        let token = signing_key(algorithm).sign(TokenType::AccessToken, &claims()).unwrap();
        assert_eq!(verified(&token).unwrap(), claims(), "{algorithm}");
    }
}

#[test]
fn a_published_key_verifies_what_the_private_key_signed() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()) {
        let key = signing_key(algorithm);
        let published = serde_json::to_vec(&key.public_jwk().unwrap()).unwrap();
        let parsed = countersign_token::Jwk::parse(&published).unwrap();
        let keys = KeySet::new([VerifyingKey::from_jwk(&parsed).unwrap()]);
        let token = key.sign(TokenType::AccessToken, &claims()).unwrap();
        assert_eq!(verify::<Value>(&token, &keys, &expected(), NOW).unwrap(), claims());
    }
}

#[test]
fn a_shared_secret_has_no_public_key() {
    assert_eq!(signing_key(Algorithm::Hs256).public_jwk(), None);
}

#[test]
fn a_key_does_not_verify_a_token_of_another_key_with_the_same_kid() {
    let other = countersign_token::SigningKey::generate(Algorithm::Es256).unwrap();
    let same_name = signing_key(Algorithm::Es256).key_id().clone();
    let other = countersign_token::SigningKey::parse(Algorithm::Es256, same_name, &other).unwrap();
    let token = other.sign(TokenType::AccessToken, &claims()).unwrap();
    assert!(matches!(verified(&token), Err(VerifyError::BadSignature)));
}

// C3, C5
#[test]
fn each_token_type_is_accepted_only_where_it_is_expected() {
    for signed in TokenType::ALL {
        let token = signing_key(Algorithm::EdDsa).sign(signed, &claims()).unwrap();
        for wanted in TokenType::ALL {
            let mut expected = expected();
            expected.token_type = wanted;
            let outcome = verify::<Value>(&token, &all_keys(), &expected, NOW);
            if signed == wanted {
                assert!(outcome.is_ok(), "{signed}");
            } else {
                assert!(matches!(outcome, Err(VerifyError::WrongType(_))), "{signed} as {wanted}");
            }
        }
    }
}

#[test]
fn access_token_claims_are_serialised_in_order_and_read_back() {
    let claims = access_token_claims();
    let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims).unwrap();
    let payload = crate::support::decode(token.split('.').nth(1).unwrap());
    assert_eq!(
        String::from_utf8(payload).unwrap(),
        concat!(
            r#"{"iss":"https://id.example","sub":"alice","aud":"https://api.example","exp":1800000600,"#,
            r#""iat":1800000000,"jti":"t1","client_id":"web","scope":"read write","sid":"s1","#,
            r#""auth_time":1800000000,"username":"alice"}"#
        )
    );
    let read: AccessTokenClaims = verify(&token, &all_keys(), &expected(), NOW).unwrap();
    assert_eq!(read, claims);
}

#[test]
fn optional_claims_must_not_be_null() {
    for name in ["auth_time", "scope"] {
        let mut claims = json!(access_token_claims());
        claims.as_object_mut().unwrap().remove(name);
        assert!(read_claims(&claims).is_ok());
        for wrong in [json!(null), json!([]), json!({})] {
            claims[name] = wrong;
            assert!(matches!(read_claims(&claims), Err(VerifyError::Shape(_))), "{name}");
        }
    }
}

fn read_claims(claims: &Value) -> Result<AccessTokenClaims, VerifyError> {
    let token = signing_key(Algorithm::Hs256).sign(TokenType::AccessToken, claims).unwrap();
    verify(&token, &all_keys(), &expected(), NOW)
}

#[test]
fn an_extra_claim_cannot_repeat_a_claim_of_the_token() {
    let mut claims = access_token_claims();
    claims.extra.insert("sub".into(), json!("admin"));
    let outcome = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims);
    assert!(matches!(outcome, Err(SignError::Claims(_))));
}

#[test]
fn claims_that_are_not_an_object_are_not_signed() {
    let outcome = signing_key(Algorithm::Es256).sign(TokenType::Jwt, &["not", "an", "object"]);
    assert!(matches!(outcome, Err(SignError::NotAnObject)));
}

#[test]
fn a_token_that_would_be_too_long_is_not_signed() {
    let claims = claims_with("pad", json!("x".repeat(countersign_token::LONGEST_TOKEN)));
    let outcome = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims);
    assert!(matches!(outcome, Err(SignError::TooLong)));
}

#[test]
fn decoding_without_verifying_returns_header_and_claims() {
    let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims()).unwrap();
    let seen = unverified::decode(&token).unwrap();
    assert_eq!(seen.header, json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ES256" }));
    assert_eq!(seen.claims, claims());
}

#[test]
fn the_issuer_of_a_token_is_read_without_verifying_it() {
    let named = |payload: &str| {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        unverified::issuer(&format!("{header}.{}.", URL_SAFE_NO_PAD.encode(payload)))
    };
    assert_eq!(named(r#"{"sub":"a","iss":"https://id.example","x":[[{}]]}"#).unwrap(), "https://id.example");
    let unnamed = [
        "",
        "{}",
        "[]",
        r#""a""#,
        r#"{"iss":1}"#,
        r#"{"iss":null}"#,
        r#"{"iss":"a","iss":"b"}"#,
        r#"{"iss":"a"}x"#,
    ];
    for payload in unnamed {
        assert!(matches!(named(payload), Err(VerifyError::Claim("iss"))), "{payload}");
    }
    let deep = format!(r#"{{"x":{}"iss":"a"}}"#, "[".repeat(10_000));
    assert!(named(&deep).is_err());
    assert!(matches!(unverified::issuer("a.b"), Err(VerifyError::NotThreeParts)));
}

mod legacy_tokens {
    use super::*;
    use crate::support::signed_with_secret;
    use countersign_token::Secret;

    const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn key() -> legacy::LegacyKey {
        legacy::LegacyKey::new(&Secret::new("secret".into())).unwrap()
    }

    fn token(header: &str, claims: &Value) -> String {
        signed_with_secret(header, &claims.to_string(), b"secret")
    }

    #[test]
    fn verify_with_a_short_secret() {
        let claims =
            json!({ "id": 1, "username": "john_doe", "iat": NOW.seconds(), "exp": NOW.seconds() + 30 });
        let read = legacy::verify(&token(HEADER, &claims), &key(), Duration::ZERO, NOW).unwrap();
        assert_eq!(Value::Object(read), claims);
        assert!(legacy::verify(&token(r#"{"alg":"HS256"}"#, &claims), &key(), Duration::ZERO, NOW).is_ok());
    }

    #[test]
    fn expire_at_exp_plus_the_leeway() {
        let token = token(HEADER, &json!({ "exp": NOW.seconds() }));
        let outcome = legacy::verify(&token, &key(), Duration::ZERO, NOW);
        assert!(matches!(outcome, Err(VerifyError::Expired)));
        assert!(legacy::verify(&token, &key(), Duration::from_secs(1), NOW).is_ok());
    }

    #[test]
    fn without_exp_are_rejected() {
        let outcome = legacy::verify(&token(HEADER, &json!({ "id": 1 })), &key(), Duration::ZERO, NOW);
        assert!(matches!(outcome, Err(VerifyError::Claim("exp"))));
    }

    // C1
    #[test]
    fn with_another_algorithm_than_hs256_are_rejected() {
        let claims = json!({ "exp": NOW.seconds() + 30 });
        for algorithm in ["none", "nOnE", "HS384", "ES256"] {
            let header = json!({ "alg": algorithm, "typ": "JWT" }).to_string();
            let outcome = legacy::verify(&token(&header, &claims), &key(), Duration::ZERO, NOW);
            assert!(matches!(outcome, Err(VerifyError::AlgorithmMismatch)), "{algorithm}");
        }
    }

    #[test]
    fn with_a_forbidden_header_are_rejected() {
        let claims = json!({ "exp": NOW.seconds() + 30 });
        for name in ["crit", "b64", "zip", "enc"] {
            let header = json!({ "alg": "HS256", name: ["exp"] }).to_string();
            let outcome = legacy::verify(&token(&header, &claims), &key(), Duration::ZERO, NOW);
            assert!(matches!(outcome, Err(VerifyError::ForbiddenHeader(rejected)) if rejected == name));
        }
    }

    #[test]
    fn are_not_access_tokens_and_access_tokens_are_not_legacy_tokens() {
        assert!(verified(&token(HEADER, &claims())).is_err());
        let access_token = signing_key(Algorithm::Hs256).sign(TokenType::AccessToken, &claims()).unwrap();
        let outcome = legacy::verify(&access_token, &key(), Duration::ZERO, NOW);
        assert!(matches!(outcome, Err(VerifyError::WrongType(_))));
    }

    #[test]
    fn need_a_secret_that_is_not_empty() {
        assert!(legacy::LegacyKey::new(&Secret::new(String::new())).is_err());
    }
}

proptest! {
    #[test]
    fn any_claims_are_read_back_as_they_were_signed(
        sub in any::<String>(),
        extra in proptest::collection::btree_map("[a-z]{6,12}", any::<(i64, Option<bool>, String)>(), 0..6),
    ) {
        let mut claims = claims_with("sub", json!(sub));
        for (name, value) in extra {
            claims[name] = json!(value);
        }
        let token = signing_key(Algorithm::EdDsa).sign(TokenType::AccessToken, &claims).unwrap();
        proptest::prop_assert_eq!(verified(&token).unwrap(), claims);
    }

    #[test]
    fn a_token_with_one_changed_character_is_rejected(
        position in any::<proptest::sample::Index>(),
        replacement in "[A-Za-z0-9_.-]".prop_map(|text| text.chars().next()),
    ) {
        let token = signing_key(Algorithm::EdDsa).sign(TokenType::AccessToken, &claims()).unwrap();
        let position = position.index(token.len());
        let replacement = replacement.unwrap();
        proptest::prop_assume!(!token[position..].starts_with(replacement));
        let mut changed = token;
        changed.replace_range(position..=position, &replacement.to_string());
        proptest::prop_assert!(verified(&changed).is_err());
    }
}

fn access_token_claims() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: Audience::One(AUDIENCE.into()),
        exp: NOW.plus(std::time::Duration::from_secs(600)),
        iat: NOW,
        jti: "t1".into(),
        client_id: "web".into(),
        scope: Scope::parse("read write").unwrap(),
        sid: "s1".into(),
        auth_time: Some(NOW),
        extra: Map::from_iter([("username".to_owned(), json!("alice"))]),
    }
}

#[test]
fn debug_output_contains_no_key_material() {
    let shown = format!("{:?} {:?}", signing_key(Algorithm::Hs256), material(Algorithm::Hs256));
    assert_eq!(shown, "SigningKey(HS256, HS256) Secret(…)");
}
