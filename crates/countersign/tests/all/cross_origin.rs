//! CORS: which routes a page of another origin can use.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Call, Harness, PASSWORD, Reply};

const APP: &str = "https://app.example.com";

fn server() -> Harness {
    let server = Harness::with(|config| config.cors.allowed_origins = vec![APP.to_owned()]);
    server.add_user("jane");
    server
}

fn preflight(server: &Harness, path: &str, method: &str, origin: &str) -> Reply {
    let call = Call::new(Method::OPTIONS, path).header("origin", origin);
    let call = call.header("access-control-request-method", method);
    server.request(call.header("access-control-request-headers", "authorization,content-type"))
}

fn allowed(reply: &Reply) -> Option<&str> {
    reply.header("access-control-allow-origin")
}

#[test]
fn keys_metadata_and_revocations_are_readable_from_every_origin() {
    let server = Harness::new();
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/revocations",
        "/openapi.json",
    ] {
        let reply = server.request(Call::new(Method::GET, path).header("origin", "https://any.example"));
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, Some("*")), "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{path}");
        assert_eq!(allowed(&preflight(&server, path, "GET", "https://any.example")), Some("*"), "{path}");
    }
}

// D10
#[test]
fn other_origins_are_not_allowed_by_default() {
    let server = Harness::new();
    for path in ["/v1/sessions", "/v1/users/me", "/v1/admin/users", "/getTokens", "/refreshToken", "/logout"]
    {
        let reply = preflight(&server, path, "POST", APP);
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (405, None), "{path}");
    }
}

// D10
#[test]
fn a_page_of_an_allowed_origin_can_sign_in_refresh_and_read_responses() {
    let server = server();
    let from = |call: Call| call.header("origin", APP).header("sec-fetch-site", "same-site");
    for (path, method) in [("/v1/sessions", "POST"), ("/v1/users/me", "PATCH"), ("/v1/sessions/x", "DELETE")]
    {
        let reply = preflight(&server, path, method, APP);
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, Some(APP)), "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("access-control-max-age"), Some("7200"));
        let methods = reply.header("access-control-allow-methods").unwrap();
        assert!(methods.contains(method), "{path}: {methods}");
    }
    let body = json!({"username": "jane", "password": PASSWORD, "token_mode": "cookie"});
    let signed_in = server.request(from(Call::post("/v1/sessions")).json(&body));
    assert_eq!((signed_in.status.as_u16(), allowed(&signed_in)), (201, Some(APP)));
    assert!(signed_in.header("vary").unwrap().to_lowercase().contains("origin"));
    let cookie = format!("__Host-countersign={}", signed_in.cookie("__Host-countersign").unwrap());
    let refreshed = server.request(from(Call::post("/v1/sessions/refresh")).header("cookie", &cookie));
    assert_eq!((refreshed.status.as_u16(), allowed(&refreshed)), (200, Some(APP)));
    let body = json!({"username": "jane", "password": PASSWORD});
    let pair = server.request(from(Call::post("/getTokens")).json(&body));
    assert_eq!((pair.status.as_u16(), allowed(&pair)), (200, Some(APP)));
    let refused = server.request(from(Call::new(Method::GET, "/v1/users/me")).bearer("no token"));
    assert_eq!((refused.status.as_u16(), allowed(&refused)), (401, Some(APP)), "the page can read the error");
}

// D10
#[test]
fn origins_that_resemble_an_allowed_origin_are_rejected() {
    let server = server();
    for origin in [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.mallory.example",
        "https://www.example.com",
        "https://APP.example.com",
        "null",
    ] {
        assert_eq!(allowed(&preflight(&server, "/v1/sessions", "POST", origin)), None, "{origin}");
        let body = json!({"username": "jane", "password": PASSWORD, "token_mode": "cookie"});
        let call = Call::post("/v1/sessions").header("origin", origin).json(&body);
        let reply = server.request(call);
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (403, None), "{origin}");
    }
}
