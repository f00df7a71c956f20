//! The access token as an argument of an axum handler.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::{Router, routing};
use countersign_token::SigningKey;
use countersign_verify::{AccessToken, RequireToken, Verifier};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::{AUDIENCE, ISSUER, SESSIONS, Time, claims_of, claims_with, key, key_set, sign};

#[derive(Deserialize)]
struct Own {
    username: String,
}

async fn plain(token: AccessToken) -> String {
    format!("{} {} {} {}", token.sub, token.sid, token.client_id, token.scope)
}

async fn typed(token: AccessToken<Own>) -> String {
    token.extra.username
}

async fn whole(token: AccessToken) -> String {
    serde_json::to_string(token.claims()).unwrap()
}

fn router() -> Router {
    Router::new()
        .route("/plain", routing::get(plain))
        .route("/typed", routing::get(typed))
        .route("/whole", routing::get(whole))
}

async fn send(router: Router, path: &str, token: &str) -> (u16, String) {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn guarded(key: &SigningKey) -> Router {
    let time = Time::at_noon();
    let verifier = Verifier::new(ISSUER, AUDIENCE, key_set(&[key])).clock(time.clock());
    router().layer(RequireToken::new(verifier))
}

#[tokio::test]
async fn a_handler_gets_the_claims_and_the_custom_claims_as_a_type() {
    let key = key("k");
    let token = sign(&key, &claims_of(ISSUER));
    let plain = format!("alice {} web read", SESSIONS[0]);
    assert_eq!(send(guarded(&key), "/plain", &token).await, (200, plain));
    assert_eq!(send(guarded(&key), "/typed", &token).await, (200, "alice".to_owned()));
    let (_, whole) = send(guarded(&key), "/whole", &token).await;
    assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), claims_of(ISSUER));
}

#[tokio::test]
async fn a_request_with_two_authorization_headers_is_rejected() {
    let key = key("k");
    let bearer = format!("Bearer {}", sign(&key, &claims_of(ISSUER)));
    for second in [bearer.as_str(), "Bearer a.b.c", "Basic YTpi", ""] {
        let request = Request::get("/plain").header("authorization", &bearer).header("Authorization", second);
        let response = guarded(&key).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 400, "{second}");
    }
}

#[tokio::test]
async fn custom_claims_of_another_type_are_rejected() {
    let key = key("k");
    let token = sign(&key, &claims_with(ISSUER, "username", 7));
    let denied = (403, r#"{"error":"access_denied"}"#.to_owned());
    assert_eq!(send(guarded(&key), "/typed", &token).await, denied);
    assert_eq!(send(guarded(&key), "/plain", &token).await.0, 200);
}

#[tokio::test]
async fn a_route_that_is_not_behind_the_layer_responds_with_500() {
    let failed = (500, r#"{"error":"server_error"}"#.to_owned());
    for path in ["/plain", "/typed"] {
        assert_eq!(send(router(), path, &sign(&key("k"), &claims_of(ISSUER))).await, failed);
    }
}
