//! The exact responses of the layer, and the requests that it accepts.

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

/// Sends a request, and returns status, headers and body of the response as lines.
async fn send(layer: &RequireToken, authorizations: &[&str]) -> String {
    let mut request = Request::new(());
    for authorization in authorizations {
        request.headers_mut().append("authorization", authorization.parse().unwrap());
    }
    let response = layer.layer(service_fn(hello)).oneshot(request).await.unwrap();
    let headers = lines(response.headers());
    format!("{}\n{headers}\n{}", response.status(), response.body())
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
async fn a_request_with_a_valid_token_gets_its_claims() {
    let key = key("k");
    let bearer = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    assert_eq!(send(&layer(&key), &[&bearer]).await, "200 OK\n\nhello alice");
    assert_eq!(send(&layer(&key).scope("read"), &[&bearer]).await, "200 OK\n\nhello alice");
}

#[tokio::test]
async fn without_a_token_there_is_a_challenge_and_no_error_code() {
    for authorizations in [&[][..], &["Basic YTpi"], &["DPoP a.b.c"]] {
        assert_eq!(
            send(&layer(&key("k")), authorizations).await,
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
async fn ambiguous_or_malformed_headers_are_a_bad_request() {
    let key = key("k");
    let valid = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    for authorizations in
        [&[valid.as_str(), valid.as_str()][..], &[&valid, "Basic YTpi"], &["Bearer"], &["Bearer a b"]]
    {
        assert_eq!(
            send(&layer(&key), authorizations).await,
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
async fn the_response_does_not_tell_what_is_wrong_with_a_token() {
    let key = key("k");
    let other_key = crate::support::key("k");
    let expired = NOW.minus(Duration::from_secs(60)).seconds();
    let invalid = [
        "a.b.c".to_owned(),
        token_with_key("unknown"),
        sign(&other_key, &claims_of(ISSUER)),
        sign(&key, &claims_of("https://other.example")),
        sign(&key, &claims_with(ISSUER, "aud", "https://other.example")),
        sign(&key, &claims_with(ISSUER, "exp", expired)),
        "x".repeat(20_000),
    ];
    for token in invalid {
        assert_eq!(
            send(&layer(&key).scope("read"), &[&format!("Bearer {token}")]).await,
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
    assert!(send(&layer, &[&bearer("audit orders:write other orders:read")]).await.starts_with("200"));
    for scope in ["orders:read", "orders:read orders:write", "orders:readorders:write audit", "ORDERS:READ"] {
        assert_eq!(
            send(&layer, &[&bearer(scope)]).await,
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
async fn a_token_that_cannot_be_checked_gives_503_with_retry_after() {
    let key = key("k");
    let time = Time::at_noon();
    let unknown = RevocationFeed::new(WhenStale::default());
    let issuer = Issuer::with_keys_and_revocations(ISSUER, key_set(&[&key]), unknown);
    let revocations = RequireToken::new(Verifier::for_audience(AUDIENCE, issuer).clock(time.clock()));
    // No process listens on this port.
    let keys = RequireToken::new(Verifier::discover_lazily("http://127.0.0.1:9", AUDIENCE).unwrap());
    let bearer = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    for layer in [revocations, keys] {
        assert_eq!(
            send(&layer, &[&bearer]).await,
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

/// Sends a request, and returns status and body of the response.
async fn status_and_body(layer: &RequireToken, authorizations: &[&str]) -> (String, String) {
    let response = send(layer, authorizations).await;
    let (status, body) = (response.lines().next().unwrap(), response.lines().last().unwrap());
    (status.to_owned(), body.to_owned())
}

#[tokio::test]
async fn legacy_clients_may_send_the_token_without_bearer() {
    let key = key("k");
    let layer = layer(&key).legacy_clients();
    let token = sign(&key, &claims_of(ISSUER));
    for authorization in [token.clone(), format!("Bearer {token}"), format!("bearer   {token}")] {
        assert_eq!(send(&layer, &[&authorization]).await, "200 OK\n\nhello alice");
    }
}

#[tokio::test]
async fn legacy_clients_get_the_tutorials_responses() {
    let key = key("k");
    let layer = layer(&key).legacy_clients();
    for authorizations in [&[][..], &[""], &["Bearer"], &["bearer "]] {
        assert_eq!(
            send(&layer, authorizations).await,
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
    let valid = sign(&key, &claims_of(ISSUER));
    let expired = sign(&key, &claims_with(ISSUER, "exp", 1));
    for authorizations in [
        &["a.b.c"][..],
        &[&expired],
        &["Basic YTpi"],
        &[&valid, &valid],
        &[&format!("Bearer Bearer {valid}")],
    ] {
        assert_eq!(
            send(&layer, authorizations).await,
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
    assert_eq!(status_and_body(&scoped, &[&valid]).await.0, "403 Forbidden");
    let unknown = Verifier::discover_lazily("http://127.0.0.1:9", AUDIENCE).unwrap();
    let unknown = RequireToken::new(unknown).legacy_clients();
    let later = r#"{"message":"Access tokens cannot be checked at the moment"}"#;
    assert_eq!(
        status_and_body(&unknown, &[&valid]).await,
        ("503 Service Unavailable".to_owned(), later.to_owned())
    );
}

// G1
#[tokio::test]
async fn the_observer_gets_the_reason_but_no_token() {
    let key = key("k");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = seen.clone();
    let layer = layer(&key).scope("admin").on_denial(move |denial| {
        let source = std::error::Error::source(denial).map(ToString::to_string).unwrap_or_default();
        log.lock().unwrap().push(format!("{denial}: {source} ({denial:?})"));
    });
    let valid = sign(&key, &claims_of(ISSUER));
    let expired = sign(&key, &claims_with(ISSUER, "exp", 1));
    for token in [&valid, &expired] {
        send(&layer, &[&format!("Bearer {token}")]).await;
    }
    send(&layer, &[]).await;
    let seen = seen.lock().unwrap().join("\n");
    assert!(seen.contains("the token lacks a required scope"), "{seen}");
    assert!(seen.contains("the token has expired"), "{seen}");
    assert!(seen.contains("the request has no access token"), "{seen}");
    let parts = valid.split('.').chain(expired.split('.'));
    assert!(parts.into_iter().all(|part| !seen.contains(part)), "{seen}");
}

#[tokio::test]
async fn the_layer_works_with_axum() {
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
fn an_invalid_scope_panics() {
    drop(layer(&key("k")).scope("orders  read"));
}
