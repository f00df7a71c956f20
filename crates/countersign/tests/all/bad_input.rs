//! Invalid input: every route returns a short 4xx response in JSON, never a 5xx, and never panics.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, Reply};

/// Every method and path in the OpenAPI description.
fn operations() -> Vec<(Method, String)> {
    let description: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys().filter(|name| *name != "parameters");
        methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    operations.collect()
}

#[test]
fn the_openapi_description_and_the_route_table_have_the_same_paths() {
    let routes = include_str!("../../src/http/mod.rs");
    let (clients, _) = routes.split_once("pub fn management_routes").unwrap();
    let quoted = clients.split('"').skip(1).step_by(2);
    // OpenAPI has no notation for a parameter that matches the rest of a path.
    let template = |text: &str| text.replace("{*", "{");
    let mut routed: Vec<_> = quoted.filter(|text| text.starts_with('/')).map(template).collect();
    let mut described: Vec<_> = operations().into_iter().map(|(_, path)| path).collect();
    routed.sort_unstable();
    described.sort_unstable();
    described.dedup();
    assert_eq!(routed, described);
    let server = Harness::new();
    for (method, path) in operations() {
        let reply = server.request(Call::new(method.clone(), &example(&path)));
        assert_ne!(reply.status, 405, "{method} {path}");
    }
}

fn example(path: &str) -> String {
    path.replace("{id}", "x").replace("{path}", "x")
}

fn check(reply: &Reply, what: &str) {
    assert!(reply.status.is_client_error() || reply.status.is_success(), "{what}: {reply:?}");
    if reply.status.is_client_error() {
        let kind = reply.header("content-type").unwrap();
        assert!(kind == "application/json" || kind == "application/problem+json", "{what}: {kind}");
        assert!(reply.text.len() < 600, "{what}: {}", reply.text);
        let body = reply.json();
        assert!(
            ["message", "detail", "error_description"].iter().any(|name| body[name].is_string()),
            "{what}: {}",
            reply.text
        );
    }
}

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let wrong = json!({
        "username": {"a": 1}, "password": [], "refreshToken": 1.5, "refresh_token": false, "scope": 9,
        "token_mode": "both", "current_password": null, "new_password": 1, "subject": [], "client_id": {},
        "id": 1, "claims": 5, "role": [], "email": {},
    });
    vec![
        ("nothing", Vec::new()),
        ("an open brace", b"{".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a list of two", br#"["jane","x"]"#.to_vec()),
        ("null", b"null".to_vec()),
        ("a member twice", br#"{"username":"a","username":"b","password":"x"}"#.to_vec()),
        ("an unknown member", br#"{"unknown":"x"}"#.to_vec()),
        ("no UTF-8", b"{\"username\":\"\xff\xfe\"}".to_vec()),
        ("half a character", b"{\"username\":\"\xc3\"}".to_vec()),
        ("a lone surrogate", br#"{"username":"\ud800","password":"x"}"#.to_vec()),
        ("a zero byte", b"{\"username\":\"a\\u0000b\",\"password\":\"x\"}".to_vec()),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a deep list", "[".repeat(8000).into_bytes()),
        ("a deep object", "{\"a\":".repeat(2000).into_bytes()),
        ("an endless number", format!("{{\"a\":{}}}", "9".repeat(5000)).into_bytes()),
        ("1e400", br#"{"username":1e400}"#.to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("16,385 bytes", vec![b' '; 16_385]),
        ("a long name", json!({"username": "x".repeat(12_000), "password": "x"}).to_string().into_bytes()),
        ("wrong types", wrong.to_string().into_bytes()),
    ]
}

#[test]
fn malformed_bodies_get_a_short_4xx_at_every_route() {
    let server = Harness::new();
    let access = server.administrator();
    let kinds =
        ["application/json", "application/json; charset=utf-16", "text/plain", "application/json;;charset"];
    for (method, path) in operations() {
        // These routes ignore the body and would revoke sessions.
        if method == Method::DELETE && ["/v1/sessions", "/v1/admin/sessions"].contains(&path.as_str()) {
            continue;
        }
        for (what, body) in bodies() {
            for kind in kinds {
                let call = Call::new(method.clone(), &example(&path)).bearer(&access);
                let reply = server.request(call.header("content-type", kind).bytes(body.clone()));
                check(&reply, &format!("{method} {path}, {what} as {kind}"));
            }
        }
    }
    assert_eq!(server.get_as("/v1/users/me", &access).status, 200, "the account is unchanged");
}

#[test]
fn a_compressed_body_is_rejected() {
    let server = Harness::new();
    for path in ["/getTokens", "/v1/sessions"] {
        let call = Call::post(path).header("content-encoding", "gzip").json(&json!({}));
        assert_eq!(server.request(call).status, 415, "{path}");
    }
}

#[test]
fn malformed_headers_get_a_short_4xx() {
    let server = Harness::new();
    let long = format!("Bearer {}", "a.".repeat(30_000));
    for value in ["Bearer \u{e9}", "\u{e9}", "Bearer a b c", "Digest x", ", ,", &long] {
        for path in ["/protectedRoute", "/v1/users/me", "/v1/admin/users"] {
            let reply = server.request(Call::new(Method::GET, path).header("authorization", value));
            check(&reply, &format!("{path} {value:.20}"));
            assert!([401, 403].contains(&reply.status.as_u16()));
        }
    }
    for cookie in ["=", "__Host-countersign", "__Host-countersign=\u{e9}", &"a=b;".repeat(5000)] {
        let reply = server.request(Call::post("/v1/sessions/refresh").header("cookie", cookie));
        check(&reply, cookie);
    }
}

#[test]
fn a_misspelt_filter_revokes_no_session() {
    let server = Harness::new();
    server.add_admin("root");
    let tokens = server.sign_in_for("root", "countersign:admin");
    for path in [
        "/v1/sessions?exept=current",
        "/v1/sessions?except=current&except=current",
        "/v1/admin/sessions",
        "/v1/admin/sessions?usr=jane",
        "/v1/admin/sessions?all=yes",
        "/v1/admin/sessions?all=true&user=jane",
        "/v1/admin/sessions?user=a%20b",
    ] {
        let reply = server.delete_as(path, &tokens.access);
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["code"]),
            (400, &json!("malformed_request")),
            "{path}"
        );
    }
    assert_eq!(server.refresh(&tokens.refresh).status, 200);
}

#[test]
fn error_responses_do_not_repeat_values_from_the_request() {
    let server = Harness::new();
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    let secret = "hunter2-hunter2-hunter2";
    let long = secret.repeat(500);
    for (body, expected) in [
        (json!({"username": "a", "password": 123_456_789}), "`password` is wrong; expected a string"),
        (json!({"username": "a", "password": [secret]}), "expected a string"),
        (json!({"username": "a", "password": "b", "token_mode": secret}), "expected `body` or `cookie`"),
        (
            json!({"username": "a", "password": "b", "token_mode": format!("x, expected {secret}")}),
            "`cookie`",
        ),
        (json!({"username": "a", "password": "b", (long.as_str()): 1}), "expected one of `username`"),
        (json!({"username": "a"}), "missing field `password`"),
    ] {
        let reply = server.post("/v1/sessions", &body);
        assert_eq!(reply.status, 400);
        assert!(!reply.text.contains("123456789") && !reply.text.contains("hunter2"), "{}", reply.text);
        assert!(reply.text.contains(expected) && reply.text.len() < 400, "{}", reply.text);
    }
    let reply = server.delete_as(&format!("/v1/sessions?{secret}=x"), &tokens.access);
    assert!(reply.status == 400 && !reply.text.contains("hunter2"), "{}", reply.text);
}

// C2, incident 3
#[test]
fn a_key_id_is_only_looked_up_in_memory() {
    use base64::Engine;
    let server = Harness::new();
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    for kid in ["../../dev/null", "' OR 1=1 --", &"k".repeat(5000)] {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "jku": "http://127.0.0.1:1/"});
        let token = format!("{}.{}.{}", encode(&header.to_string()), encode("{}"), encode(&"s".repeat(64)));
        assert_eq!(server.get_as("/protectedRoute", &token).status, 403);
    }
}
