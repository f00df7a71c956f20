//! Issuers whose metadata names no revocation list, or names it later: the result with each policy.

use std::time::Duration;

use countersign_verify::{Discovery, Issuer, Refusal, Verifier, WhenStale};

use crate::api::{Api, Troubles, revoked};
use crate::fake_issuer::FakeIssuer;
use crate::support::{AUDIENCE, NOW, SESSIONS, Time, claims_of, eventually};

#[tokio::test]
async fn connecting_to_an_issuer_without_a_list_does_not_wait() {
    let api = Api::start(FakeIssuer::without_feed).await;
    assert!(api.verify(SESSIONS[0]).is_ok());
    assert_eq!(api.issuer.streams(), 0);
}

#[tokio::test]
async fn a_list_that_an_upgraded_issuer_names_later_is_followed() {
    let often = |discovery: Discovery| discovery.refresh_every(Duration::from_millis(50));
    let api = Api::with(FakeIssuer::without_feed, often).await;
    assert!(api.troubles.mention("names no revocation list"));
    api.issuer.revoke(revoked(SESSIONS[0]));
    assert!(api.verify(SESSIONS[0]).is_ok());
    api.issuer.set_metadata("revocation_feed_uri", format!("{}/revocations", api.issuer.name));
    eventually("it is followed", || {
        api.time.advance(1);
        api.is_revoked(SESSIONS[0])
    })
    .await;
}

// C10
#[tokio::test]
async fn if_a_list_is_named_later_tokens_are_accepted_for_a_minute_from_then_on() {
    let api = Api::start(FakeIssuer::without_feed).await;
    api.issuer.set_metadata("revocation_feed_uri", format!("{}/nowhere", api.issuer.name));
    api.time.advance(300);
    assert!(api.verify(SESSIONS[3]).is_ok(), "the keys are old, and are fetched in the background");
    eventually("it is followed", || api.troubles.mention("status 404")).await;
    assert!(api.verify(SESSIONS[3]).is_ok());
    api.time.advance(60);
    assert!(api.verify(SESSIONS[3]).is_ok());
    api.time.advance(1);
    assert!(api.is_unknown());
}

// C10
#[tokio::test]
async fn the_policy_refuse_accepts_no_token_without_a_list() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.without_feed();
    let strict = |discovery: Discovery| discovery.when_stale(WhenStale::Refuse).clock(time.clock());
    let discovery = || strict(Issuer::discover(issuer.name.as_str()));
    let error = discovery().connect().await.unwrap_err();
    assert!(error.to_string().contains("names no revocation list"), "{error}");

    let troubles = Troubles::default();
    let lazy = troubles.observe(discovery()).connect_lazily().unwrap();
    let verifier = Verifier::for_audience(AUDIENCE, lazy).clock(time.clock());
    eventually("it is reported", || troubles.mention("names no revocation list")).await;
    let token = issuer.sign(&claims_of(&issuer.name));
    let verify = || verifier.verify(&token, time.now());
    // The missing list is reported before the keys are stored, and without keys the refusal is another one.
    eventually("the keys are fetched", || matches!(verify(), Err(Refusal::RevocationsUnknown))).await;

    issuer.set_metadata("revocation_feed_uri", format!("{}/nowhere", issuer.name));
    time.advance(300);
    assert!(matches!(verify(), Err(Refusal::RevocationsUnknown)));
    eventually("it is followed", || troubles.mention("status 404")).await;
    assert!(matches!(verify(), Err(Refusal::RevocationsUnknown)), "the list is named, but not served");
}

// C10
#[tokio::test]
async fn the_policy_refuse_requires_a_url_of_the_list_or_ignore_revocations() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let jwks_url = format!("{}/.well-known/jwks.json", issuer.name);
    let fetching = || {
        let discovery = Issuer::fetching(issuer.name.as_str(), jwks_url.as_str());
        discovery.when_stale(WhenStale::Refuse).clock(time.clock())
    };
    assert!(fetching().connect_lazily().is_err());
    let token = issuer.sign(&claims_of(&issuer.name));
    let verify = |issuer| Verifier::for_audience(AUDIENCE, issuer).verify(&token, NOW).map(|_| ());
    let ignoring = fetching().ignore_revocations().connect().await.unwrap();
    assert!(verify(ignoring).is_ok());
    issuer.revoke(revoked(SESSIONS[0]));
    let following = fetching().follow(format!("{}/revocations", issuer.name)).connect().await.unwrap();
    assert!(matches!(verify(following), Err(Refusal::Revoked)));
}
