//! Following an issuer's revocations over the network, through everything that a network does.

use std::sync::Arc;
use std::time::Duration;

use countersign_token::TokenType;
use countersign_verify::{Discovery, Issuer, Refusal, Verifier, WhenStale};
use serde_json::{Value, json};

use crate::api::{Api, Troubles, revoked};
use crate::fake_issuer::{FakeIssuer, Script, event, events};
use crate::support::{AUDIENCE, NOW, SESSIONS, Time, claims_of, eventually, key, piece_of, sign_piece};

#[tokio::test]
async fn a_session_is_refused_as_soon_as_it_is_revoked() {
    let api = Api::start(|_| {}).await;
    assert!(api.verify(SESSIONS[0]).is_ok());
    api.issuer.revoke(revoked(SESSIONS[0]));
    eventually("it is refused", || api.is_revoked(SESSIONS[0])).await;
    assert!(api.verify(SESSIONS[1]).is_ok());
    assert_eq!(api.time.now(), NOW, "no time has passed");
}

#[tokio::test]
async fn a_verifier_that_is_ready_knows_what_was_revoked_before() {
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
async fn a_list_is_ignored_only_when_told_so_and_followed_elsewhere_when_told_so() {
    let entry = |issuer: &FakeIssuer| issuer.revoke(revoked(SESSIONS[0]));
    let ignoring = Api::with(entry, Discovery::ignore_revocations).await;
    assert!(ignoring.verify(SESSIONS[0]).is_ok());
    assert_eq!(ignoring.issuer.streams(), 0);

    let jwks_url = format!("{}/.well-known/jwks.json", ignoring.issuer.name);
    let fetching = || Issuer::fetching(ignoring.issuer.name.as_str(), jwks_url.as_str());
    let token = ignoring.issuer.sign(&claims_of(&ignoring.issuer.name));
    let deaf = Verifier::for_audience(AUDIENCE, fetching().connect().await.unwrap());
    assert!(deaf.verify(&token, NOW).is_ok());
    let following = fetching().follow(format!("{}/revocations", ignoring.issuer.name));
    let following = following.clock(ignoring.time.clock()).connect().await.unwrap();
    let following = Verifier::for_audience(AUDIENCE, following);
    assert!(matches!(following.verify(&token, NOW), Err(Refusal::Revoked)));
}

// C10
#[tokio::test]
async fn a_list_that_is_named_and_not_served_is_waited_for() {
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
async fn a_stream_that_breaks_is_resumed_where_it_was_left_and_nothing_is_missed() {
    let first_and_half = |issuer: &FakeIssuer| {
        let piece = piece_of(&issuer.name, NOW, (None, "1-0102030405ff"), json!([revoked(SESSIONS[0])]));
        let whole = event(&sign_piece(&issuer.active(), &piece));
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
    assert!(api.verify(SESSIONS[1]).is_ok(), "it is not known yet, and not for long");
    api.issuer.restart().await;
    eventually("what was missed is known", || api.is_revoked(SESSIONS[1])).await;
    assert_eq!(api.resumed(), [None, Some("1-0102030405ff".to_owned())]);
}

// C10
#[tokio::test]
async fn while_the_issuer_is_away_tokens_are_accepted_for_a_minute_and_again_when_it_is_back() {
    let mut api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.stop().await;
    api.time.advance(60);
    assert!(api.verify(SESSIONS[3]).is_ok());
    api.time.advance(1);
    assert!(api.is_unknown());
    assert!(api.is_revoked(SESSIONS[0]), "what is known stays known");
    api.issuer.restart().await;
    eventually("it is up to date again", || api.verify(SESSIONS[3]).is_ok()).await;
}

// C10
#[tokio::test]
async fn a_stricter_api_refuses_after_three_missed_signs_of_life() {
    let mut api = Api::with(|_| {}, |discovery| discovery.when_stale(WhenStale::Refuse)).await;
    api.issuer.stop().await;
    api.time.advance(15);
    assert!(api.verify(SESSIONS[3]).is_ok());
    api.time.advance(1);
    assert!(api.is_unknown());
}

#[tokio::test]
async fn an_api_may_start_before_the_list_is_there() {
    let time = Time::at_noon();
    let mut issuer = FakeIssuer::start(&time).await;
    issuer.stop().await;
    let discovery = Issuer::discover(issuer.name.as_str()).clock(time.clock());
    let verifier = Verifier::for_audience(AUDIENCE, discovery.connect_lazily().unwrap());
    issuer.revoke(revoked(SESSIONS[0]));
    issuer.restart().await;
    let token = issuer.sign(&claims_of(&issuer.name));
    eventually("it is refused for what it is", || match verifier.verify(&token, NOW) {
        Ok(_) => panic!("a revoked session was accepted"),
        Err(refusal) => matches!(refusal, Refusal::Revoked),
    })
    .await;
}

// C3
#[tokio::test]
async fn pieces_of_somebody_else_change_nothing_and_are_reported() {
    type Forge = fn(&FakeIssuer, &Value) -> String;
    let hostile: [(Forge, &str); 7] = [
        (|issuer, good| with(issuer, good, ("iss", "https://other.example".into())), "another issuer"),
        (|issuer, good| with(issuer, good, ("aud", AUDIENCE.into())), "another audience"),
        (|issuer, good| with(issuer, good, ("exp", (NOW.seconds() - 60).into())), "has expired"),
        (|issuer, good| issuer.active().sign(TokenType::AccessToken, good).unwrap(), "not of the type"),
        (|_, good| sign_piece(&key("first"), good), "signature does not verify"),
        (|_, good| sign_piece(&key("stranger"), good), "no known key"),
        (|_, _| "no.piece".to_owned(), "three parts"),
    ];
    // Each has an API of its own, because every failure makes the next pause longer.
    for (forge, reason) in hostile {
        let api = Api::start(|_| {}).await;
        let name = &api.issuer.name;
        let good = piece_of(name, NOW, (None, "7-0102030405ff"), json!([revoked(SESSIONS[0])]));
        let piece = forge(&api.issuer, &good);
        api.issuer.script(Script::Hangs(events(&[event(&piece)])));
        // Ends the stream that is open, so that the next one plays the script.
        api.issuer.end_streams();
        eventually(reason, || api.troubles.mention(reason)).await;
        eventually("it is followed again", || api.issuer.streams() == 3).await;
        assert!(api.verify(SESSIONS[0]).is_ok(), "{reason}");
    }
}

/// The piece with one claim replaced.
fn with(issuer: &FakeIssuer, piece: &Value, (claim, value): (&str, Value)) -> String {
    let mut claims = piece.clone();
    claims[claim] = value;
    sign_piece(&issuer.active(), &claims)
}

#[tokio::test]
async fn what_is_no_stream_of_events_or_does_not_end_is_given_up() {
    let endless = format!("data: {}", "x".repeat(600 * 1024));
    let scripts = [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n".to_owned(), "no stream of events"),
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
    assert!(started.elapsed() >= Duration::from_secs(1), "it came back sooner than it was told to");
    assert!(api.verify(SESSIONS[0]).is_ok());
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_opened_again() {
    let api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.be_silent(true);
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("silence is noticed", || api.troubles.mention("no sign of life")).await;
    api.issuer.be_silent(false);
    eventually("what was missed is known", || api.is_revoked(SESSIONS[1])).await;
}

#[tokio::test]
async fn streams_that_end_soon_are_opened_less_and_less_often_whatever_the_clock_says() {
    let api = Api::start(|_| {}).await;
    let started = tokio::time::Instant::now();
    for streams in 2..=6 {
        api.time.advance(10);
        eventually("it is heard", || api.is_up_to_date()).await;
        api.issuer.end_streams();
        eventually("it is opened again", || api.issuer.streams() == streams).await;
    }
    // Halves of 250 ms, twice that, and so on.
    let shortest = Duration::from_millis(125 + 250 + 500 + 1000 + 2000);
    assert!(started.elapsed() >= shortest, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_cursor_that_the_issuer_does_not_understand_is_forgotten() {
    let api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    api.issuer.script(Script::Breaks("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned()));
    api.issuer.end_streams();
    eventually("it is followed again", || api.issuer.streams() == 3).await;
    assert_eq!(api.resumed(), [None, Some("1-0102030405ff".to_owned()), None]);
}

#[tokio::test]
async fn a_piece_that_was_held_back_on_the_way_makes_the_list_be_read_again() {
    let api = Api::start(|issuer| issuer.revoke(revoked(SESSIONS[0]))).await;
    let name = &api.issuer.name;
    let later = piece_of(name, NOW, (Some("5-0102030405ff"), "6-0102030405ff"), json!([]));
    let later = sign_piece(&api.issuer.active(), &later);
    api.issuer.script(Script::Hangs(events(&[event(&later)])));
    api.issuer.end_streams();
    eventually("it is noticed", || api.troubles.mention("does not follow")).await;
    eventually("it is read from its beginning", || api.resumed().last() == Some(&None)).await;
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("it goes on", || api.is_revoked(SESSIONS[1])).await;
}

#[tokio::test]
async fn pieces_are_believed_with_a_key_that_began_to_sign_just_now() {
    let api = Api::start(|_| {}).await;
    let key = Arc::new(key("second"));
    api.time.advance(30);
    api.issuer.publish(&[&api.issuer.active(), &key]);
    api.issuer.activate(key);
    api.issuer.revoke(revoked(SESSIONS[0]));
    eventually("it is refused", || api.is_revoked(SESSIONS[0])).await;
}
