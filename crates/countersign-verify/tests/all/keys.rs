//! Issuers on the network: which keys are used, and how often they are fetched.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_token::{SigningKey, VerifyError};
use countersign_verify::{Issuer, IssuerError, Refusal, Verifier};
use serde_json::{Value, json};

use crate::fake_issuer::{Behaviour, FakeIssuer};
use crate::support::{
    AUDIENCE, NOW, SESSIONS, Time, claims_of, claims_with, eventually, key, sign, token_with_header,
    token_with_key,
};

/// A verifier that keeps keys for an hour and does not follow revocations.
async fn verifier(issuer: &FakeIssuer, time: &Time) -> Verifier {
    let hour = Duration::from_secs(3600);
    let discovery = Issuer::discover(issuer.name.as_str()).refresh_every(hour).clock(time.clock());
    let issuer = discovery.ignore_revocations().connect().await.unwrap();
    Verifier::for_audience(AUDIENCE, issuer).clock(time.clock())
}

/// Sends ten thousand tokens, each with its own `kid`, from several tasks at once.
async fn flood(verifier: &Verifier) {
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..10 {
        let verifier = verifier.clone();
        senders.spawn(async move {
            for number in 0..1000 {
                let token = token_with_key(&format!("random-{sender}-{number}"));
                let refusal = verifier.verify_now(&token).await.unwrap_err();
                assert!(matches!(refusal, Refusal::Token(VerifyError::UnknownKey)), "{refusal}");
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
}

#[tokio::test]
async fn keys_are_discovered_from_the_issuers_name() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let verifier = verifier(&issuer, &time).await;
    let token = issuer.sign(&claims_of(&issuer.name));
    assert_eq!(verifier.verify_now(&token).await.unwrap().sub, "alice");
    assert_eq!((issuer.state.metadata_reads.load(Ordering::SeqCst), issuer.key_reads()), (1, 1));
}

#[tokio::test]
async fn metadata_may_be_at_the_openid_connect_url() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.behave(Behaviour::OnlyOpenId);
    let verifier = verifier(&issuer, &time).await;
    assert!(verifier.verify(&issuer.sign(&claims_of(&issuer.name)), NOW).is_ok());
    assert_eq!(issuer.state.metadata_reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_used() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.set_metadata("issuer", format!("{}/", issuer.name));
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::OtherIssuer(_))));
    assert_eq!(issuer.key_reads(), 0);
}

// C9 and incident 52
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_random_kids_cause_one_fetch_in_30_seconds() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let verifier = verifier(&issuer, &time).await;
    flood(&verifier).await;
    assert_eq!(issuer.key_reads(), 1, "they were fetched less than 30 seconds ago");
    for fetches in 2..4 {
        time.advance(30);
        flood(&verifier).await;
        eventually("fetched once", || issuer.key_reads() == fetches).await;
        flood(&verifier).await;
        assert_eq!(issuer.key_reads(), fetches);
    }
}

// C9 and incident 52
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_failed_fetches_the_cool_down_holds_and_known_keys_stay_in_use() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let jwks_url = format!("{}/.well-known/jwks.json", issuer.name);
    let fetched = Issuer::fetching(issuer.name.as_str(), jwks_url).clock(time.clock());
    let verifier = Verifier::for_audience(AUDIENCE, fetched.connect().await.unwrap()).clock(time.clock());
    let token = issuer.sign(&claims_of(&issuer.name));
    let set = issuer.state.published.lock().unwrap().clone();
    let broken: [(Behaviour, Value); 5] = [
        (Behaviour::Head("HTTP/1.1 500 Oops\r\ncontent-length: 0"), set.clone()),
        (Behaviour::Normal, json!({ "keys": [] })),
        (Behaviour::Normal, json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }] })),
        (Behaviour::Normal, json!("not a set")),
        (Behaviour::Head("HTTP/1.1 302 Found\r\nlocation: /.well-known/jwks.json\r\ncontent-length: 0"), set),
    ];
    for (fetches, (behaviour, published)) in (2..).zip(broken) {
        issuer.behave(behaviour.clone());
        *issuer.state.published.lock().unwrap() = published;
        time.advance(30);
        flood(&verifier).await;
        eventually("fetched", || issuer.key_reads() == fetches).await;
        flood(&verifier).await;
        assert_eq!(issuer.key_reads(), fetches, "{behaviour:?}");
        assert!(verifier.verify(&token, NOW).is_ok(), "{behaviour:?}");
    }
}

// C6
#[tokio::test]
async fn unusable_keys_and_duplicate_kids_do_not_affect_valid_keys() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let same_kid = key("first");
    let broken = json!({ "kty": "EC", "crv": "P-256", "kid": "first", "x": "AA", "y": "AA" });
    let prototype = json!({ "kty": "constructor", "kid": "first" });
    let valid = [same_kid.public_jwk(), issuer.active().public_jwk()];
    *issuer.state.published.lock().unwrap() =
        json!({ "keys": [null, broken, prototype, "key", valid[0], valid[1]] });
    let verifier = verifier(&issuer, &time).await;
    let claims = claims_of(&issuer.name);
    assert!(verifier.verify_now(&issuer.sign(&claims)).await.is_ok());
    assert!(verifier.verify_now(&sign(&same_kid, &claims)).await.is_ok());
    let foreign = verifier.verify_now(&sign(&key("first"), &claims)).await;
    assert!(matches!(foreign, Err(Refusal::Token(VerifyError::BadSignature))), "{foreign:?}");
}

// C9 and C10
#[tokio::test]
async fn an_api_may_start_before_its_issuer_and_rejects_tokens_until_it_is_up() {
    let time = Time::at_noon();
    let mut issuer = FakeIssuer::start(&time).await;
    let token = issuer.sign(&claims_of(&issuer.name));
    issuer.stop().await;
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Request(_))), "{outcome:?}");
    let discovery = Issuer::discover(issuer.name.as_str()).clock(time.clock());
    let verifier = Verifier::for_audience(AUDIENCE, discovery.connect_lazily().unwrap());
    for number in 0..100 {
        assert!(matches!(
            verifier.verify(&token_with_key(&number.to_string()), NOW),
            Err(Refusal::KeysUnknown)
        ));
    }
    let refusal = verifier.verify(&token, NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::KeysUnknown));
    assert!(refusal.retry_after().is_some());
    issuer.restart().await;
    eventually("the keys are known", || verifier.verify(&token, NOW).is_ok()).await;
}

// C10
#[tokio::test]
async fn an_issuer_that_hangs_does_not_block_verification() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let known = verifier(&issuer, &time).await;
    issuer.behave(Behaviour::Hangs);
    let unknown = Verifier::discover_lazily(&issuer.name, AUDIENCE).unwrap();
    let token = issuer.sign(&claims_of(&issuer.name));
    eventually("the metadata is requested", || issuer.state.metadata_reads.load(Ordering::SeqCst) == 2).await;
    assert!(matches!(unknown.verify(&token, NOW), Err(Refusal::KeysUnknown)));
    time.advance(30);
    let unknown_key = token_with_key("unknown");
    assert!(matches!(known.verify(&unknown_key, NOW), Err(Refusal::Token(VerifyError::UnknownKey))));
    assert!(known.verify_now(&issuer.sign(&claims_with(&issuer.name, "jti", "t2"))).await.is_ok());
    let started = tokio::time::Instant::now();
    assert!(matches!(unknown.verify_now(&token).await, Err(Refusal::KeysUnknown)));
    assert!(
        started.elapsed() < Duration::from_secs(9),
        "verification waits for a shorter time than the fetch"
    );
}

#[tokio::test]
async fn endless_and_missing_responses_are_errors() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.behave(Behaviour::Endless);
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::TooLong(_))), "{outcome:?}");
    let url = format!("{}/.well-known/jwks.json", issuer.name);
    let outcome = Verifier::fetching(&issuer.name, AUDIENCE, &url).await;
    assert!(matches!(outcome, Err(IssuerError::TooLong(524_288))), "{outcome:?}");
    issuer.behave(Behaviour::Hangs);
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::TooSlow)), "{outcome:?}");
}

#[tokio::test]
async fn a_set_of_more_than_a_hundred_keys_is_rejected() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    *issuer.state.published.lock().unwrap() = json!({ "keys": vec![json!({ "kty": "EC" }); 101] });
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Keys(_))), "{outcome:?}");
}

#[tokio::test]
async fn keys_are_not_fetched_from_http_urls_of_other_machines() {
    let http = "http://id.example/jwks.json";
    assert!(matches!(
        Verifier::fetching("https://id.example", AUDIENCE, http).await,
        Err(IssuerError::Address(_))
    ));
    assert!(matches!(Verifier::discover("http://id.example", AUDIENCE).await, Err(IssuerError::Address(_))));
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.set_metadata("jwks_uri", http);
    assert!(matches!(Verifier::discover(&issuer.name, AUDIENCE).await, Err(IssuerError::Address(_))));
}

// C2 and incidents 2 and 3
#[tokio::test]
async fn urls_and_keys_in_a_token_are_ignored() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let verifier = verifier(&issuer, &time).await;
    let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let address = format!("http://{}/jwks.json", canary.local_addr().unwrap());
    let own = key("own").public_jwk();
    time.advance(30);
    for kid in ["own", "first", &address, "../../../../etc/passwd", "first' OR '1'='1"] {
        let header = json!({
            "alg": "ES256", "typ": "at+jwt", "kid": kid, "jku": address, "x5u": address, "jwk": own,
        });
        assert!(verifier.verify_now(&token_with_header(&header)).await.is_err(), "{kid}");
    }
    eventually("the issuer's keys are fetched", || issuer.key_reads() == 2).await;
    let connection = canary.accept().map_err(|error| error.kind());
    assert!(matches!(connection, Err(std::io::ErrorKind::WouldBlock)), "{connection:?}");
}

#[test]
fn without_a_runtime_connecting_is_an_error() {
    let outcome = Verifier::discover_lazily("https://id.example", AUDIENCE);
    assert!(matches!(outcome, Err(IssuerError::NoRuntime)));
}

// C8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verifier_that_caches_keys_for_an_hour_rejects_no_token_during_three_rotations() {
    const STEP: u64 = 300;
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let verifier = verifier(&issuer, &time).await;
    let keys: Vec<_> = (0..4).map(|number| Arc::new(key(&format!("key-{number}")))).collect();
    let mut ring: Vec<Arc<SigningKey>> = vec![issuer.active()];
    let (mut fetched_at, mut fetches) = (NOW, 1);
    for next in &keys[..3] {
        // The next key is published for 65 minutes before it signs, and the previous one for two hours after.
        ring.push(next.clone());
        ring.drain(..ring.len().saturating_sub(3));
        issuer.publish(&ring.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        for step in 0..24 {
            if step * STEP == 65 * 60 {
                issuer.activate(next.clone());
            }
            let now = time.now();
            let claims = |jti: &str| {
                let mut claims = claims_with(&issuer.name, "jti", jti);
                (claims["iat"], claims["exp"]) = (now.seconds().into(), (now.seconds() + 600).into());
                claims
            };
            let fresh = |jti: &str| issuer.sign(&claims(jti));
            verifier.verify(&fresh("first"), now).unwrap();
            if now.since(fetched_at).is_some_and(|age| age.as_secs() >= 3600) {
                (fetched_at, fetches) = (now, fetches + 1);
                let early = sign(next, &claims("early"));
                eventually("the next key is known", || verifier.verify(&early, now).is_ok()).await;
            }
            let mut callers = tokio::task::JoinSet::new();
            for caller in 0..4 {
                let tokens: Vec<_> = (0..5).map(|number| fresh(&format!("{caller}-{number}"))).collect();
                let verifier = verifier.clone();
                callers.spawn(async move { tokens.iter().all(|token| verifier.verify(token, now).is_ok()) });
            }
            assert!(callers.join_all().await.into_iter().all(|accepted| accepted));
            time.advance(STEP);
        }
    }
    assert_eq!(issuer.key_reads(), fetches, "no token caused a fetch");
}

#[tokio::test]
async fn verification_waits_for_a_new_key_and_rejects_a_withdrawn_one() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let verifier = verifier(&issuer, &time).await;
    let old = issuer.sign(&claims_of(&issuer.name));
    assert!(verifier.verify_now(&old).await.is_ok());
    time.advance(30);
    let key = Arc::new(key("second"));
    issuer.publish(&[&key]);
    issuer.activate(key);
    assert!(verifier.verify_now(&issuer.sign(&claims_of(&issuer.name))).await.is_ok());
    assert!(matches!(verifier.verify(&old, NOW), Err(Refusal::Token(VerifyError::UnknownKey))));
}

#[tokio::test]
async fn dropping_the_last_verifier_closes_the_stream() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let discovered = Issuer::discover(issuer.name.as_str()).clock(time.clock()).connect().await.unwrap();
    let verifier = Verifier::for_audience(AUDIENCE, discovered.clone());
    let other = Verifier::for_audience("https://other.example", discovered);
    drop(verifier);
    assert_eq!(issuer.state.open_streams.load(Ordering::SeqCst), 1, "both share one stream");
    drop(other);
    eventually("the stream is closed", || issuer.state.open_streams.load(Ordering::SeqCst) == 0).await;
}

// incident 53
#[tokio::test]
async fn a_key_of_one_issuer_does_not_verify_tokens_of_another() {
    let time = Time::at_noon();
    let (shop, staff) = (FakeIssuer::start(&time).await, FakeIssuer::start(&time).await);
    let verifier = {
        let staff = Issuer::discover(staff.name.as_str()).ignore_revocations().connect().await.unwrap();
        verifier(&shop, &time).await.also_trust(staff)
    };
    for issuer in [&shop, &staff] {
        let claims = verifier.verify(&issuer.sign(&claims_of(&issuer.name)), NOW).unwrap();
        assert_eq!(claims.iss, issuer.name);
    }
    // Both keys have the same `kid`.
    let forged = shop.sign(&claims_of(&staff.name));
    assert!(matches!(verifier.verify(&forged, NOW), Err(Refusal::Token(VerifyError::BadSignature))));
    let renamed = Arc::new(key("third"));
    shop.publish(&[&shop.active(), &renamed]);
    let forged = sign(&renamed, &claims_with(&staff.name, "sid", SESSIONS[1]));
    assert!(matches!(verifier.verify(&forged, NOW), Err(Refusal::Token(VerifyError::UnknownKey))));
    let foreign = shop.sign(&claims_of("https://unknown.example"));
    assert!(matches!(verifier.verify(&foreign, NOW), Err(Refusal::Token(VerifyError::WrongIssuer))));
}
