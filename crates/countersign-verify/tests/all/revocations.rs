//! Verified pages of the list, and their effect on verifiers. No network.

use std::time::Duration;

use countersign_token::{SigningKey, TokenType, VerifyError};
use countersign_verify::{Issuer, PageError, Refusal, RevocationFeed, RevocationPage, Verifier, WhenStale};
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, Cursors, ISSUER, NOW, SESSIONS, Time, claims_of, claims_with, entry_expires, key, key_set,
    page_of, sign, sign_page,
};

/// An issuer's key, a list that is not known yet, and a verifier that uses both.
fn api(when_stale: WhenStale) -> (SigningKey, RevocationFeed, Verifier) {
    let key = key("k");
    let feed = RevocationFeed::new(when_stale);
    let issuer = Issuer::with_keys_and_revocations(ISSUER, key_set(&[&key]), feed.clone());
    (key, feed, Verifier::for_audience(AUDIENCE, issuer))
}

fn page(key: &SigningKey, claims: &Value) -> Result<RevocationPage, PageError> {
    RevocationPage::verify(&sign_page(key, claims), &key_set(&[key]), ISSUER, NOW)
}

fn first_page(revocations: Value) -> Value {
    page_of(ISSUER, NOW, Cursors { after: None, cursor: "1-0102030405ff" }, revocations)
}

fn revoked_session() -> Value {
    json!({ "exp": entry_expires(), "sid": SESSIONS[0] })
}

#[test]
fn a_cached_token_of_a_revoked_session_is_rejected() {
    let (key, feed, verifier) = api(WhenStale::default());
    feed.apply(page(&key, &first_page(json!([]))).unwrap(), NOW).unwrap();
    let token = sign(&key, &claims_of(ISSUER));
    let other = sign(&key, &claims_with(ISSUER, "sid", SESSIONS[1]));
    assert!(verifier.verify(&token, NOW).is_ok());
    let following = page_of(
        ISSUER,
        NOW,
        Cursors { after: Some("1-0102030405ff"), cursor: "2-0102030405ff" },
        json!([{ "exp": entry_expires(), "up_to": SESSIONS[3], "sub": "alice", "except": SESSIONS[1] }]),
    );
    feed.apply(page(&key, &following).unwrap(), NOW).unwrap();
    assert!(matches!(verifier.verify(&token, NOW), Err(Refusal::Revoked)));
    assert!(verifier.verify(&other, NOW).is_ok());
}

// C10
#[test]
fn no_token_is_accepted_until_the_list_is_known() {
    let (key, _, verifier) = api(WhenStale::Serve { up_to: Duration::MAX });
    let refusal = verifier.verify(&sign(&key, &claims_of(ISSUER)), NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::RevocationsUnknown));
    assert_eq!(refusal.retry_after(), Some(Duration::from_secs(5)));
}

// C10
#[test]
fn tokens_are_accepted_with_an_outdated_list_for_as_long_as_the_policy_says() {
    let policies = [
        (WhenStale::default(), 60),
        (WhenStale::Refuse, 15),
        (WhenStale::Serve { up_to: Duration::from_secs(300) }, 300),
        (WhenStale::Serve { up_to: Duration::ZERO }, 0),
    ];
    for (policy, longest) in policies {
        let (key, feed, verifier) = api(policy);
        feed.apply(page(&key, &first_page(json!([revoked_session()]))).unwrap(), NOW).unwrap();
        let revoked = sign(&key, &claims_of(ISSUER));
        let valid = sign(&key, &claims_with(ISSUER, "sid", SESSIONS[1]));
        let at = |token: &str, seconds: u64| verifier.verify(token, NOW.plus(Duration::from_secs(seconds)));
        assert!(at(&valid, longest).is_ok(), "{policy:?}");
        assert!(matches!(at(&valid, longest + 1), Err(Refusal::RevocationsUnknown)), "{policy:?}");
        assert!(matches!(at(&revoked, longest + 1), Err(Refusal::Revoked)), "{policy:?}");
        assert!(matches!(at("garbage", longest + 1), Err(Refusal::Token(_))), "{policy:?}");
    }
}

// C10
#[test]
fn after_a_clock_was_set_back_the_list_counts_as_outdated() {
    let (key, feed, verifier) = api(WhenStale::default());
    feed.apply(page(&key, &first_page(json!([]))).unwrap(), NOW).unwrap();
    let token = |at: u64| sign(&key, &claims_with(ISSUER, "iat", at));
    let earlier = |seconds: u64| NOW.minus(Duration::from_secs(seconds));
    let at = |seconds: u64| verifier.verify(&token(earlier(seconds).seconds()), earlier(seconds));
    assert!(at(5).is_ok());
    assert!(matches!(at(6), Err(Refusal::RevocationsUnknown)));
}

#[test]
fn one_issuer_does_not_revoke_the_sessions_of_another() {
    let (key, feed, verifier) = api(WhenStale::default());
    let other = crate::support::key("k");
    let verifier = verifier.also_trust(Issuer::with_keys("https://other.example", key_set(&[&other])));
    let everyone = json!([{ "exp": entry_expires(), "up_to": SESSIONS[3] }]);
    feed.apply(page(&key, &first_page(everyone)).unwrap(), NOW).unwrap();
    assert!(matches!(verifier.verify(&sign(&key, &claims_of(ISSUER)), NOW), Err(Refusal::Revoked)));
    assert!(verifier.verify(&sign(&other, &claims_of("https://other.example")), NOW).is_ok());
}

// C3, C5
#[test]
fn a_page_is_not_an_access_token_and_an_access_token_is_not_a_page() {
    let (key, _, verifier) = api(WhenStale::default());
    for token_type in TokenType::ALL {
        let mut claims = claims_of(ISSUER);
        claims["aud"] = json!([ISSUER, AUDIENCE]);
        for (name, value) in first_page(json!([])).as_object().unwrap() {
            claims.as_object_mut().unwrap().entry(name).or_insert(value.clone());
        }
        let text = key.sign(token_type, &claims).unwrap();
        let as_page = RevocationPage::verify(&text, &key_set(&[&key]), ISSUER, NOW);
        assert_eq!(as_page.is_ok(), token_type == TokenType::Revocations, "{token_type}");
        let as_token = verifier.verify(&text, NOW);
        let is_wrong_type = matches!(as_token, Err(Refusal::Token(VerifyError::WrongType(_))));
        assert_eq!(is_wrong_type, token_type != TokenType::AccessToken, "{token_type}");
    }
}

// C3, C4
#[test]
fn a_page_of_another_issuer_or_another_time_is_rejected() {
    let key = key("k");
    let with = |name: &str, value: Value| {
        let mut claims = first_page(json!([]));
        claims[name] = value;
        page(&key, &claims)
    };
    assert!(with("iss", ISSUER.into()).is_ok());
    let rejected = [
        with("iss", "https://other.example".into()),
        with("aud", AUDIENCE.into()),
        with("exp", (NOW.seconds() - 5).into()),
        with("iat", (NOW.seconds() + 6).into()),
        with("exp", Value::Null),
        with("iat", Value::Null),
        with("after", 12.into()),
        with("more", "false".into()),
        with("cursor", "".into()),
        with("cursor", "1\r\nhost: x".into()),
        with("cursor", "1".repeat(129).into()),
        with("revocations", Value::Null),
    ];
    assert!(rejected.iter().all(Result::is_err), "{rejected:?}");
    let mut claims = first_page(json!([]));
    claims.as_object_mut().unwrap().remove("after");
    assert!(page(&key, &claims).is_err(), "the claim `after` is missing");
    let forger = crate::support::key("k");
    let text = sign_page(&forger, &first_page(json!([])));
    let outcome = RevocationPage::verify(&text, &key_set(&[&key]), ISSUER, NOW);
    assert!(matches!(outcome, Err(PageError::Token(VerifyError::BadSignature))));
}

// C4
#[test]
fn an_ambiguous_entry_makes_its_page_invalid() {
    let key = key("k");
    let listed = |entry: Value| page(&key, &first_page(json!([entry])));
    let (exp, sid) = (entry_expires(), SESSIONS[0]);
    for valid in [
        json!({ "exp": exp, "sid": sid }),
        json!({ "exp": exp, "up_to": sid }),
        json!({ "exp": exp, "up_to": sid, "sub": "alice" }),
        json!({ "exp": exp, "up_to": sid, "sub": "alice", "except": SESSIONS[1] }),
        json!({ "exp": exp, "up_to": sid, "client_id": "web" }),
    ] {
        assert!(listed(valid.clone()).is_ok(), "{valid}");
    }
    for invalid in [
        json!({ "sid": sid }),
        json!({ "exp": exp }),
        json!({ "exp": exp.to_string(), "sid": sid }),
        json!({ "exp": exp, "sid": "s1" }),
        json!({ "exp": exp, "sid": sid.to_uppercase() }),
        json!({ "exp": exp, "sid": sid, "up_to": sid }),
        json!({ "exp": exp, "sid": sid, "sub": "alice" }),
        json!({ "exp": exp, "up_to": sid, "sub": null }),
        json!({ "exp": exp, "up_to": sid, "sub": "alice", "client_id": "web" }),
        json!({ "exp": exp, "up_to": sid, "group": "staff" }),
        json!({ "exp": exp, "up_to": sid, "sub": "alice", "except": "s1" }),
        json!([]),
    ] {
        assert!(listed(invalid.clone()).is_err(), "{invalid}");
    }
}

#[test]
fn a_verifier_with_fixed_keys_needs_no_list() {
    let time = Time::at_noon();
    let key = key("k");
    let verifier = Verifier::new(ISSUER, AUDIENCE, key_set(&[&key])).clock(time.clock());
    assert!(verifier.verify(&sign(&key, &claims_of(ISSUER)), time.now()).is_ok());
}
