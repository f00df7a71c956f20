//! What the layer answers, to the letter, and to whom it opens.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use countersign_verify::{AccessTokenClaims, Issuer, RequireToken, RevocationFeed, Verifier, WhenStale};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{
    AUDIENCE, ISSUER, NOW, Time, claims_of, claims_with, key, key_set, sign, token_with_key,
};

/// Status, headers and body of an answer, as lines.
async fn asked(layer: &RequireToken, authorizations: &[&str]) -> String {
    let mut request = Request::new(());
    for authorization in authorizations {
        request.headers_mut().append("authorization", authorization.parse().unwrap());
    }
    let answer = layer.layer(service_fn(hello)).oneshot(request).await.unwrap();
    let headers = lines(answer.headers());
    format!("{}\n{headers}\n{}", answer.status(), answer.body())
}

async fn hello(request: Request<()>) -> Result<Response<String>, Infallible> {
    let claims = request.extensions().get::<Arc<AccessTokenClaims>>().unwrap();
    Ok(Response::new(format!("hello {}", claims.sub)))
}

fn lines(headers: &HeaderMap) -> String {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    lines.sort();
    lines.concat()
}

fn layer(key: &countersign_token::SigningKey) -> RequireToken {
    let time = Time::at_noon();
    RequireToken::new(Verifier::new(ISSUER, AUDIENCE, key_set(&[key])).clock(time.clock()))
}

#[tokio::test]
async fn a_good_token_opens_and_its_claims_go_with_the_request() {
    let key = key("k");
    let bearer = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    assert_eq!(asked(&layer(&key), &[&bearer]).await, "200 OK\n\nhello alice");
    assert_eq!(asked(&layer(&key).scope("read"), &[&bearer]).await, "200 OK\n\nhello alice");
}

#[tokio::test]
async fn without_a_token_there_is_a_challenge_and_no_error_code() {
    for authorizations in [&[][..], &["Basic YTpi"], &["DPoP a.b.c"]] {
        assert_eq!(
            asked(&layer(&key("k")), authorizations).await,
            concat!(
                "401 Unauthorized\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "www-authenticate: Bearer realm=\"https://api.example\"\n",
                "\n",
                r#"{"error":"unauthorized","error_description":"an access token is required"}"#
            )
        );
    }
}

#[tokio::test]
async fn a_header_that_two_readers_could_read_differently_is_a_bad_request() {
    let key = key("k");
    let good = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    for authorizations in
        [&[good.as_str(), good.as_str()][..], &[&good, "Basic YTpi"], &["Bearer"], &["Bearer a b"]]
    {
        assert_eq!(
            asked(&layer(&key), authorizations).await,
            concat!(
                "400 Bad Request\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "www-authenticate: Bearer realm=\"https://api.example\", error=\"invalid_request\"\n",
                "\n",
                r#"{"error":"invalid_request","error_description":"send one Authorization header with a bearer token"}"#
            )
        );
    }
}

// G3
#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    let key = key("k");
    let stranger = crate::support::key("k");
    let expired = NOW.minus(Duration::from_secs(60)).seconds();
    let bad = [
        "a.b.c".to_owned(),
        token_with_key("unknown"),
        sign(&stranger, &claims_of(ISSUER)),
        sign(&key, &claims_of("https://other.example")),
        sign(&key, &claims_with(ISSUER, "aud", "https://other.example")),
        sign(&key, &claims_with(ISSUER, "exp", expired)),
        "x".repeat(20_000),
    ];
    for token in bad {
        assert_eq!(
            asked(&layer(&key).scope("read"), &[&format!("Bearer {token}")]).await,
            concat!(
                "401 Unauthorized\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "www-authenticate: Bearer realm=\"https://api.example\", error=\"invalid_token\"\n",
                "\n",
                r#"{"error":"invalid_token","error_description":"the access token is not accepted"}"#
            )
        );
    }
}

#[tokio::test]
async fn every_scope_that_is_named_is_required() {
    let key = key("k");
    let bearer = |scope: &str| format!("Bearer {}", sign(&key, &claims_with(ISSUER, "scope", scope)));
    let layer = layer(&key).scope("orders:read").scope("orders:write audit");
    assert!(asked(&layer, &[&bearer("audit orders:write other orders:read")]).await.starts_with("200"));
    for scope in ["orders:read", "orders:read orders:write", "orders:readorders:write audit", "ORDERS:READ"] {
        assert_eq!(
            asked(&layer, &[&bearer(scope)]).await,
            concat!(
                "403 Forbidden\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "www-authenticate: Bearer realm=\"https://api.example\", error=\"insufficient_scope\", ",
                "scope=\"orders:read orders:write audit\"\n",
                "\n",
                r#"{"error":"insufficient_scope","error_description":"the access token does not permit this"}"#
            )
        );
    }
}

// C10
#[tokio::test]
async fn what_cannot_be_looked_up_is_503_and_says_when_to_come_back() {
    let key = key("k");
    let time = Time::at_noon();
    let unknown = RevocationFeed::new(WhenStale::default());
    let issuer = Issuer::with_keys_and_revocations(ISSUER, key_set(&[&key]), unknown);
    let revocations = RequireToken::new(Verifier::for_audience(AUDIENCE, issuer).clock(time.clock()));
    // Nobody listens on this port of this machine.
    let keys = RequireToken::new(Verifier::discover_lazily("http://127.0.0.1:9", AUDIENCE).unwrap());
    let bearer = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    for layer in [revocations, keys] {
        assert_eq!(
            asked(&layer, &[&bearer]).await,
            concat!(
                "503 Service Unavailable\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "retry-after: 5\n",
                "\n",
                r#"{"error":"temporarily_unavailable","error_description":"access tokens cannot be checked at the moment"}"#
            )
        );
    }
}

/// Status and body of an answer to clients of the tutorial.
async fn told(layer: &RequireToken, authorizations: &[&str]) -> (String, String) {
    let answer = asked(layer, authorizations).await;
    let (status, body) = (answer.lines().next().unwrap(), answer.lines().last().unwrap());
    (status.to_owned(), body.to_owned())
}

#[tokio::test]
async fn clients_of_the_tutorial_may_send_the_token_alone() {
    let key = key("k");
    let layer = layer(&key).legacy_clients();
    let token = sign(&key, &claims_of(ISSUER));
    for authorization in [token.clone(), format!("Bearer {token}"), format!("bearer   {token}")] {
        assert_eq!(asked(&layer, &[&authorization]).await, "200 OK\n\nhello alice");
    }
}

#[tokio::test]
async fn clients_of_the_tutorial_get_its_responses() {
    let key = key("k");
    let layer = layer(&key).legacy_clients();
    for authorizations in [&[][..], &[""], &["Bearer"], &["bearer "]] {
        assert_eq!(
            asked(&layer, authorizations).await,
            concat!(
                "401 Unauthorized\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "www-authenticate: Bearer realm=\"https://api.example\"\n",
                "\n",
                r#"{"message":"No access token provided"}"#
            )
        );
    }
    let good = sign(&key, &claims_of(ISSUER));
    let expired = sign(&key, &claims_with(ISSUER, "exp", 1));
    for authorizations in
        [&["a.b.c"][..], &[&expired], &["Basic YTpi"], &[&good, &good], &[&format!("Bearer Bearer {good}")]]
    {
        assert_eq!(
            asked(&layer, authorizations).await,
            concat!(
                "403 Forbidden\n",
                "cache-control: no-store\n",
                "content-type: application/json\n",
                "\n",
                r#"{"message":"Failed to authenticate access token"}"#
            )
        );
    }
    let scoped = layer.scope("admin");
    assert_eq!(told(&scoped, &[&good]).await.0, "403 Forbidden");
    let unknown = Verifier::discover_lazily("http://127.0.0.1:9", AUDIENCE).unwrap();
    let unknown = RequireToken::new(unknown).legacy_clients();
    let later = r#"{"message":"Access tokens cannot be checked at the moment"}"#;
    assert_eq!(told(&unknown, &[&good]).await, ("503 Service Unavailable".to_owned(), later.to_owned()));
}

// G1
#[tokio::test]
async fn the_observer_learns_the_reason_and_no_token() {
    let key = key("k");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = seen.clone();
    let layer = layer(&key).scope("admin").on_denial(move |denial| {
        let source = std::error::Error::source(denial).map(ToString::to_string).unwrap_or_default();
        log.lock().unwrap().push(format!("{denial}: {source} ({denial:?})"));
    });
    let good = sign(&key, &claims_of(ISSUER));
    let expired = sign(&key, &claims_with(ISSUER, "exp", 1));
    for token in [&good, &expired] {
        asked(&layer, &[&format!("Bearer {token}")]).await;
    }
    asked(&layer, &[]).await;
    let seen = seen.lock().unwrap().join("\n");
    assert!(seen.contains("the token lacks a scope"), "{seen}");
    assert!(seen.contains("the token has expired"), "{seen}");
    assert!(seen.contains("the request has no access token"), "{seen}");
    let parts = good.split('.').chain(expired.split('.'));
    assert!(parts.into_iter().all(|part| !seen.contains(part)), "{seen}");
}

#[tokio::test]
async fn it_fits_into_axum() {
    let key = key("k");
    let router = axum::Router::new()
        .route("/", axum::routing::get(async || "hello"))
        .route_layer(layer(&key).scope("read"));
    let request = |authorization: &str| {
        Request::get("/").header("authorization", authorization).body(Body::empty()).unwrap()
    };
    let bearer = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    assert_eq!(router.clone().oneshot(request(&bearer)).await.unwrap().status(), 200);
    assert_eq!(router.oneshot(request("Bearer a.b.c")).await.unwrap().status(), 401);
}

#[test]
#[should_panic(expected = "RFC 6749")]
fn a_scope_that_is_none_is_a_mistake_of_the_programmer() {
    drop(layer(&key("k")).scope("orders  read"));
}
