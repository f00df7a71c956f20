//! Following an issuer's revocations over the network, with interruptions and attacks.

use std::sync::Arc;
use std::time::Duration;

use countersign_token::TokenType;
use countersign_verify::{Discovery, Issuer, Refusal, Verifier, WhenStale};
use serde_json::{Value, json};

use crate::api::{Api, Troubles, revoked};
use crate::fake_issuer::{FakeIssuer, Script, event, events};
use crate::support::{
    AUDIENCE, Cursors, NOW, SESSIONS, Time, claims_of, eventually, key, page_of, sign_page,
};

#[tokio::test]
async fn a_session_is_rejected_as_soon_as_it_is_revoked() {
    let api = Api::start(|_| {}).await;
    assert!(api.verify(SESSIONS[0]).is_ok());
    api.issuer.revoke(revoked(SESSIONS[0]));
    eventually("it is rejected", || api.is_revoked(SESSIONS[0])).await;
    assert!(api.verify(SESSIONS[1]).is_ok());
    assert_eq!(api.time.now(), NOW, "the clock did not advance");
}

#[tokio::test]
async fn a_connected_verifier_knows_all_earlier_revocations() {
    let thousands = |issuer: &FakeIssuer| {
        for number in 0..3500 {
            issuer.revoke(revoked(&format!("0190a6c4-7d3e-7000-8000-{number:012x}")));
        }
        issuer.revoke(revoked(SESSIONS[0]));
    };
    let api = Api::start(thousands).await;
    assert!(api.is_revoked(SESSIONS[0]));
    assert!(api.verify(SESSIONS[1]).is_ok());
    assert_eq!(api.resumed(), [None]);
}

#[tokio::test]
async fn a_list_is_ignored_or_followed_at_another_url_if_configured() {
    let entry = |issuer: &FakeIssuer| issuer.revoke(revoked(SESSIONS[0]));
    let ignoring = Api::with(entry, Discovery::ignore_revocations).await;
    assert!(ignoring.verify(SESSIONS[0]).is_ok());
    assert_eq!(ignoring.issuer.streams(), 0);

    let jwks_url = format!("{}/.well-known/jwks.json", ignoring.issuer.name);
    let fetching = || Issuer::fetching(ignoring.issuer.name.as_str(), jwks_url.as_str());
    let token = ignoring.issuer.sign(&claims_of(&ignoring.issuer.name));
    let unfollowed = Verifier::for_audience(AUDIENCE, fetching().connect().await.unwrap());
    assert!(unfollowed.verify(&token, NOW).is_ok());
    let following = fetching().follow(format!("{}/revocations", ignoring.issuer.name));
    let following = following.clock(ignoring.time.clock()).connect().await.unwrap();
    let following = Verifier::for_audience(AUDIENCE, following);
    assert!(matches!(following.verify(&token, NOW), Err(Refusal::Revoked)));
}

// C10
#[tokio::test]
async fn tokens_are_rejected_while_a_named_list_is_not_served() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.set_metadata("revocation_feed_uri", format!("{}/nowhere", issuer.name));
    let troubles = Troubles::default();
    let discovery = troubles.observe(Issuer::discover(issuer.name.as_str()).clock(time.clock()));
    let verifier = Verifier::for_audience(AUDIENCE, discovery.connect_lazily().unwrap());
    eventually("it is tried", || troubles.mention("status 404")).await;
    let outcome = verifier.verify(&issuer.sign(&claims_of(&issuer.name)), NOW);
    assert!(matches!(outcome, Err(Refusal::RevocationsUnknown)), "{outcome:?}");
}

#[tokio::test]
async fn an_interrupted_stream_is_resumed_after_its_last_page() {
    let first_and_half = |issuer: &FakeIssuer| {
        let page = page_of(
            &issuer.name,
            NOW,
            Cursors { after: None, cursor: "1-0102030405ff" },
            json!([revoked(SESSIONS[0])]),
        );
        let whole = event(&sign_page(&issuer.active(), &page));
        let half = &whole[..whole.len() / 2];
        issuer.script(Script::Breaks(events(&[whole.clone(), half.to_owned()])));
        issuer.revoke(revoked(SESSIONS[0]));
        issuer.revoke(revoked(SESSIONS[1]));
    };
    let api = Api::start(first_and_half).await;
    assert!(api.is_revoked(SESSIONS[0]));
    eventually("the rest is known", || api.is_revoked(SESSIONS[1])).await;
    assert_eq!(api.resumed(), [None, Some("1-0102030405ff".to_owned())]);
}

#[tokio::test]
async fn an_issuer_that_restarts_is_followed_again() {
    let mut api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.stop().await;
    api.issuer.revoke(revoked(SESSIONS[1]));
    assert!(api.is_revoked(SESSIONS[0]));
    assert!(api.verify(SESSIONS[1]).is_ok(), "the new revocation is not known yet");
    api.issuer.restart().await;
    eventually("what was missed is known", || api.is_revoked(SESSIONS[1])).await;
    assert_eq!(api.resumed(), [None, Some("1-0102030405ff".to_owned())]);
}

// C10
#[tokio::test]
async fn while_the_issuer_is_down_tokens_are_accepted_for_a_minute_and_again_when_it_is_back() {
    let mut api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.stop().await;
    api.time.advance(60);
    assert!(api.verify(SESSIONS[3]).is_ok());
    api.time.advance(1);
    assert!(api.is_unknown());
    assert!(api.is_revoked(SESSIONS[0]), "known revocations are kept");
    api.issuer.restart().await;
    eventually("it is up to date again", || api.verify(SESSIONS[3]).is_ok()).await;
}

// C10
#[tokio::test]
async fn with_the_policy_refuse_tokens_are_rejected_after_15_seconds() {
    let mut api = Api::with(|_| {}, |discovery| discovery.when_stale(WhenStale::Refuse)).await;
    api.issuer.stop().await;
    api.time.advance(15);
    assert!(api.verify(SESSIONS[3]).is_ok());
    api.time.advance(1);
    assert!(api.is_unknown());
}

#[tokio::test]
async fn an_api_may_start_before_its_issuer_and_then_follows_the_list() {
    let time = Time::at_noon();
    let mut issuer = FakeIssuer::start(&time).await;
    issuer.stop().await;
    let discovery = Issuer::discover(issuer.name.as_str()).clock(time.clock());
    let verifier = Verifier::for_audience(AUDIENCE, discovery.connect_lazily().unwrap());
    issuer.revoke(revoked(SESSIONS[0]));
    issuer.restart().await;
    let token = issuer.sign(&claims_of(&issuer.name));
    eventually("it is rejected as revoked", || match verifier.verify(&token, NOW) {
        Ok(_) => panic!("a revoked session was accepted"),
        Err(refusal) => matches!(refusal, Refusal::Revoked),
    })
    .await;
}

// C3
#[tokio::test]
async fn forged_pages_are_ignored_and_reported() {
    type Forge = fn(&FakeIssuer, &Value) -> String;
    let hostile: [(Forge, &str); 7] = [
        (|issuer, valid| with(issuer, valid, "iss", "https://other.example"), "another issuer"),
        (|issuer, valid| with(issuer, valid, "aud", AUDIENCE), "another audience"),
        (|issuer, valid| with(issuer, valid, "exp", NOW.seconds() - 60), "has expired"),
        (|issuer, valid| issuer.active().sign(TokenType::AccessToken, valid).unwrap(), "not of type"),
        (|_, valid| sign_page(&key("first"), valid), "signature does not verify"),
        (|_, valid| sign_page(&key("attacker"), valid), "no known key"),
        (|_, _| "no.page".to_owned(), "three parts"),
    ];
    // Each case has its own API, because every failure makes the next pause longer.
    for (forge, reason) in hostile {
        let api = Api::start(|_| {}).await;
        let name = &api.issuer.name;
        let valid = page_of(
            name,
            NOW,
            Cursors { after: None, cursor: "7-0102030405ff" },
            json!([revoked(SESSIONS[0])]),
        );
        let page = forge(&api.issuer, &valid);
        api.issuer.script(Script::Hangs(events(&[event(&page)])));
        // Ends the open stream, so that the next one plays the script.
        api.issuer.end_streams();
        eventually(reason, || api.troubles.mention(reason)).await;
        eventually("it is followed again", || api.issuer.streams() == 3).await;
        assert!(api.verify(SESSIONS[0]).is_ok(), "{reason}");
    }
}

/// The page with one claim replaced.
fn with(issuer: &FakeIssuer, page: &Value, claim: &str, value: impl Into<Value>) -> String {
    let mut claims = page.clone();
    claims[claim] = value.into();
    sign_page(&issuer.active(), &claims)
}

#[tokio::test]
async fn a_response_that_is_not_an_event_stream_is_an_error() {
    let endless = format!("data: {}", "x".repeat(600 * 1024));
    let scripts = [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n".to_owned(), "not an event stream"),
        (events(&[endless]), "longer than 524288 bytes"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /revocations/stream\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "status 302",
        ),
        ("HTTP/1.1 503 Full\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n".to_owned(), "status 503"),
    ];
    let play = |issuer: &FakeIssuer| {
        for (text, _) in &scripts {
            issuer.script(Script::Breaks(text.clone()));
        }
    };
    let started = tokio::time::Instant::now();
    let api = Api::start(play).await;
    for (_, reason) in &scripts {
        assert!(api.troubles.mention(reason), "{reason}");
    }
    assert!(started.elapsed() >= Duration::from_secs(1), "`Retry-After` was ignored");
    assert!(api.verify(SESSIONS[0]).is_ok());
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_opened_again() {
    let api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.be_silent(true);
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("the silence is reported", || api.troubles.mention("no page for 15 seconds")).await;
    api.issuer.be_silent(false);
    eventually("what was missed is known", || api.is_revoked(SESSIONS[1])).await;
}

#[tokio::test]
async fn the_pause_grows_if_streams_end_soon_and_does_not_depend_on_the_set_clock() {
    let api = Api::start(|_| {}).await;
    let started = tokio::time::Instant::now();
    for streams in 2..=6 {
        api.time.advance(10);
        eventually("a page arrived", || api.is_up_to_date()).await;
        api.issuer.end_streams();
        eventually("it is opened again", || api.issuer.streams() == streams).await;
    }
    // Jitter is at least half of each pause: 250 ms, 500 ms, and so on.
    let shortest = Duration::from_millis(125 + 250 + 500 + 1000 + 2000);
    assert!(started.elapsed() >= shortest, "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_list_is_read_from_its_beginning_if_the_issuer_rejects_the_cursor() {
    let api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.script(Script::Breaks("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned()));
    api.issuer.end_streams();
    eventually("it is followed again", || api.issuer.streams() == 3).await;
    assert_eq!(api.resumed(), [None, Some("1-0102030405ff".to_owned()), None]);
}

#[tokio::test]
async fn the_list_is_read_from_its_beginning_after_a_missing_page() {
    let api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    let name = &api.issuer.name;
    let later =
        page_of(name, NOW, Cursors { after: Some("5-0102030405ff"), cursor: "6-0102030405ff" }, json!([]));
    let later = sign_page(&api.issuer.active(), &later);
    api.issuer.script(Script::Hangs(events(&[event(&later)])));
    api.issuer.end_streams();
    eventually("the gap is reported", || api.troubles.mention("does not follow")).await;
    eventually("it is read from its beginning", || api.resumed().last() == Some(&None)).await;
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("it is followed again", || api.is_revoked(SESSIONS[1])).await;
}

#[tokio::test]
async fn pages_that_are_signed_with_a_new_key_are_accepted() {
    let api = Api::start(|_| {}).await;
    let key = Arc::new(key("second"));
    api.time.advance(30);
    api.issuer.publish(&[&api.issuer.active(), &key]);
    api.issuer.activate(key);
    api.issuer.revoke(revoked(SESSIONS[0]));
    eventually("it is rejected", || api.is_revoked(SESSIONS[0])).await;
}
