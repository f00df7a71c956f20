//! The verifier with fixed keys, and the bearer token of a request.

use std::time::Duration;

use countersign_token::{Algorithm, KeyId, SigningKey, TokenType};
use countersign_verify::{
    BearerError, JwkSet, KeySet, LegacyKey, Refusal, Secret, Timestamp, Verifier, VerifyError, bearer_token,
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn server() -> SigningKey {
    let material = SigningKey::generate(Algorithm::Es256).unwrap();
    SigningKey::parse(Algorithm::Es256, KeyId::parse("k").unwrap(), &material).unwrap()
}

fn verifier(server: &SigningKey) -> Verifier {
    let published = json!({ "keys": [server.public_jwk()] }).to_string();
    let keys = KeySet::from(JwkSet::parse(published.as_bytes()).unwrap());
    Verifier::new("https://id.example", "https://api.example", keys)
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "alice", "aud": "https://api.example", "exp": NOW.seconds() + 600,
        "iat": NOW.seconds(), "jti": "t1", "client_id": "web", "scope": "read", "sid": "s1", "username": "alice",
    })
}

#[test]
fn a_token_of_the_issuer_is_accepted() {
    let server = server();
    let token = server.sign(TokenType::AccessToken, &claims()).unwrap();
    let read = verifier(&server).verify(&token, NOW).unwrap();
    assert_eq!((read.sub.as_str(), read.sid.as_str()), ("alice", "s1"));
    assert!(read.scope.contains("read"));
    assert_eq!(read.extra["username"], "alice");
}

// C5
#[test]
fn an_id_token_is_rejected() {
    let server = server();
    let token = server.sign(TokenType::Jwt, &claims()).unwrap();
    assert!(matches!(verifier(&server).verify(&token, NOW), Err(Refusal::Token(VerifyError::WrongType(_)))));
}

#[test]
fn an_access_token_without_a_required_claim_is_rejected() {
    let server = server();
    for name in ["sub", "iat", "jti", "client_id", "sid"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        let token = server.sign(TokenType::AccessToken, &claims).unwrap();
        assert!(
            matches!(verifier(&server).verify(&token, NOW), Err(Refusal::Token(VerifyError::Shape(_)))),
            "{name}"
        );
    }
}

#[test]
fn leeway_is_five_seconds_unless_set() {
    let server = server();
    let token = server.sign(TokenType::AccessToken, &claims()).unwrap();
    let after = |seconds: u64| NOW.plus(Duration::from_secs(600 + seconds));
    assert!(verifier(&server).verify(&token, after(4)).is_ok());
    assert!(verifier(&server).verify(&token, after(5)).is_err());
    assert!(verifier(&server).leeway(Duration::from_secs(30)).verify(&token, after(29)).is_ok());
    assert!(verifier(&server).leeway(Duration::ZERO).verify(&token, after(0)).is_err());
}

#[test]
fn the_leeway_applies_to_all_times_and_is_at_most_a_minute() {
    let server = server();
    for name in ["nbf", "iat"] {
        for (leeway, most) in [(0, 0), (5, 5), (60, 60), (3600, 60)] {
            let verifier = verifier(&server).leeway(Duration::from_secs(leeway));
            let ahead = |seconds: u64| {
                let mut claims = claims();
                claims[name] = (NOW.seconds() + seconds).into();
                verifier.verify(&server.sign(TokenType::AccessToken, &claims).unwrap(), NOW).is_ok()
            };
            assert_eq!((ahead(most), ahead(most + 1)), (true, false), "{name} {leeway}");
        }
    }
}

mod legacy_tokens {
    use super::*;

    /// Made by Node's `jsonwebtoken` 9.0.3 with the secret `s3cret`, `id` 1, `username` `john_doe` and
    /// `scope` `admin`, issued at [`NOW`] and valid for an hour.
    const TOKEN: &str = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJpZCI6MSwidXNlcm5hbWUiOiJqb2huX2RvZSIsInNjb3BlIjoiYWRtaW4iLCJpYXQiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDAwMzYwMH0",
        ".dHBRtxxms2IFk-Jez6Lm8vPG3m0_JdlKQ4y-5pZzcXE"
    );

    /// Made in the same way, with empty `sub`, `id` and `username`.
    const TOKEN_WITHOUT_SUBJECT: &str = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJzdWIiOiIiLCJpZCI6bnVsbCwidXNlcm5hbWUiOiIiLCJpYXQiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDAwMzYwMH0",
        ".71_4pWiUls8sI_i3sT-j2tNA8lWkePINBlh17Z9T5zw"
    );

    fn key() -> LegacyKey {
        LegacyKey::new(&Secret::new("s3cret".into())).unwrap()
    }

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn are_rejected_by_default() {
        assert!(matches!(
            verifier(&server()).verify(TOKEN, NOW),
            Err(Refusal::Token(VerifyError::MissingKeyId))
        ));
    }

    #[test]
    fn are_accepted_until_the_set_time() {
        let verifier = verifier(&server()).accept_legacy_tokens(key(), later(60));
        assert_eq!(verifier.verify(TOKEN, later(59)).unwrap().sub, "1");
        assert!(verifier.verify(TOKEN, later(60)).is_err());
    }

    #[test]
    fn expire_with_the_leeway_of_other_tokens() {
        let verifier = verifier(&server()).accept_legacy_tokens(key(), later(86_400));
        assert!(verifier.verify(TOKEN, later(3604)).is_ok());
        assert!(matches!(verifier.verify(TOKEN, later(3605)), Err(Refusal::Token(VerifyError::Expired))));
    }

    #[test]
    fn keep_custom_claims_but_not_scope_and_session() {
        let verifier = verifier(&server()).accept_legacy_tokens(key(), later(60));
        let read = verifier.verify(TOKEN, NOW).unwrap();
        assert_eq!(Value::Object(read.extra.clone()), json!({ "id": 1, "username": "john_doe" }));
        assert!(read.scope.is_empty());
        assert!(read.sid.is_empty());
        assert_eq!(read.iss, "https://id.example");
    }

    #[test]
    fn without_a_subject_are_rejected() {
        let verifier = verifier(&server()).accept_legacy_tokens(key(), later(60));
        assert!(matches!(
            verifier.verify(TOKEN_WITHOUT_SUBJECT, NOW),
            Err(Refusal::Token(VerifyError::Claim("sub")))
        ));
    }

    #[test]
    fn with_another_secret_are_rejected() {
        let other = LegacyKey::new(&Secret::new("other".into())).unwrap();
        let verifier = verifier(&server()).accept_legacy_tokens(other, later(60));
        assert!(matches!(verifier.verify(TOKEN, NOW), Err(Refusal::Token(VerifyError::BadSignature))));
    }

    #[test]
    fn do_not_change_the_checks_of_other_tokens() {
        let server = server();
        let verifier = verifier(&server).accept_legacy_tokens(key(), later(60));
        let foreign = super::server().sign(TokenType::AccessToken, &claims()).unwrap();
        assert!(matches!(verifier.verify(&foreign, NOW), Err(Refusal::Token(VerifyError::BadSignature))));
        let ours = server.sign(TokenType::AccessToken, &claims()).unwrap();
        assert_eq!(verifier.verify(&ours, NOW).unwrap().sub, "alice");
    }
}

mod authorization_header {
    use super::*;

    #[test]
    fn holds_one_token_after_its_scheme_in_any_case() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"] {
            assert_eq!(bearer_token(header), Ok("a.b.c"));
        }
        assert_eq!(bearer_token("Bearer a-._~+/=="), Ok("a-._~+/=="));
    }

    #[test]
    fn of_another_scheme_holds_none() {
        for header in ["", "Basic YTpi", "a.b.c", "Bearera.b.c", "DPoP a.b.c", " Bearer a.b.c", "Bearer\ta"] {
            assert_eq!(bearer_token(header), Err(BearerError::OtherScheme), "{header}");
        }
    }

    #[test]
    fn that_is_malformed_holds_none() {
        for header in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer =",
            "Bearer =a",
            "Bearer a=b",
            "Bearer ä",
        ] {
            assert_eq!(bearer_token(header), Err(BearerError::Malformed), "{header}");
        }
    }
}
