//! What all responses have in common: security headers, caching, request ids, and errors of the store.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Call, Harness, Reply};

fn check_headers(reply: &Reply) {
    for (name, value) in [
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        (
            "content-security-policy",
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{reply:?}");
    }
    assert!(reply.header("x-request-id").is_some() && reply.header("cache-control").is_some());
}

// D11, B10
#[test]
fn every_response_has_the_security_headers() {
    let server = Harness::new();
    server.add_user("jane");
    let access = server.sign_in("jane").access;
    let large = Call::post("/getTokens").header("content-type", "application/json").bytes(vec![b' '; 20_000]);
    let cross_site = Call::post("/v1/sessions").header("sec-fetch-site", "cross-site").json(&json!({}));
    for (status, reply) in [
        (200, server.get_as("/protectedRoute", &access)),
        (200, server.get("/livez")),
        (200, server.get("/.well-known/jwks.json")),
        (200, server.get("/openapi.json")),
        (204, server.post("/logout", &json!({}))),
        (401, server.get("/protectedRoute")),
        (401, server.get("/v1/users/me")),
        (403, server.get_as("/protectedRoute", "x")),
        (403, server.request(cross_site)),
        (404, server.get("/nothing")),
        (404, server.get("/v1/nothing")),
        (405, server.get("/getTokens")),
        (405, server.request(Call::new(Method::from_bytes(b"BREW").unwrap(), "/getTokens"))),
        (413, server.request(large)),
    ] {
        assert_eq!(reply.status, status);
        check_headers(&reply);
    }
    server.database().execute("ALTER TABLE sessions RENAME TO away", []).unwrap();
    let down = server.post("/getTokens", &json!({"username": "jane", "password": crate::harness::PASSWORD}));
    assert_eq!(down.status, 503);
    check_headers(&down);
}

// B10
#[test]
fn only_the_key_set_may_be_cached() {
    let server = Harness::new();
    assert_eq!(server.get("/.well-known/jwks.json").header("cache-control"), Some("public, max-age=300"));
    assert_eq!(server.get("/livez").header("cache-control"), Some("no-store"));
}

#[test]
fn a_request_id_is_kept_if_it_is_plain_and_replaced_otherwise() {
    let server = Harness::new();
    let with = |id: &str| {
        let reply = server.request(Call::new(Method::GET, "/livez").header("x-request-id", id));
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(with("abc-DEF_123"), "abc-DEF_123");
    for id in ["", "a b", "a\"b", &"x".repeat(65)] {
        assert_ne!(with(id), id);
        assert_eq!(with(id).len(), 36);
    }
}

// G3, C10, incident 30
#[test]
fn a_store_failure_returns_503_without_internal_details_and_loses_nothing() {
    let server = Harness::new();
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    server.database().execute("ALTER TABLE sessions RENAME TO away", []).unwrap();
    for reply in [
        server.refresh(&tokens.refresh),
        server.post("/logout", &json!({"refreshToken": tokens.refresh})),
        server.get_as("/v1/users/me", &tokens.access),
        server.get_as("/v1/sessions", &tokens.access),
        server.delete_as("/v1/sessions", &tokens.access),
    ] {
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, Some("1")), "{reply:?}");
        for word in ["sql", "table", "sessions", "away", "database"] {
            assert!(!reply.text.to_lowercase().contains(word), "{}", reply.text);
        }
    }
    assert_eq!(server.refreshes("unavailable"), 1);
    server.database().execute("ALTER TABLE away RENAME TO sessions", []).unwrap();
    assert_eq!(server.refresh(&tokens.refresh).status, 200, "the session is unchanged");
}
