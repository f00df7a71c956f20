//! The three routes of the tutorial and `/logout`: every status and message.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD, Tokens};

const NO_CREDENTIALS: &str = r#"401 {"message":"No credentials provided"}"#;
const BAD_CREDENTIALS: &str = r#"403 {"message":"Failed to authenticate credentials"}"#;
const NO_REFRESH_TOKEN: &str = r#"401 {"message":"No refresh token provided"}"#;
const BAD_REFRESH_TOKEN: &str = r#"403 {"message":"Failed to authenticate refresh token"}"#;
const NO_ACCESS_TOKEN: &str = r#"401 {"message":"No access token provided"}"#;
const BAD_ACCESS_TOKEN: &str = r#"403 {"message":"Failed to authenticate access token"}"#;

fn server() -> Harness {
    let server = Harness::new();
    server.add_user("john_doe");
    server
}

#[test]
fn correct_credentials_get_a_token_pair() {
    let server = server();
    let reply = server.post("/getTokens", &json!({"username": "john_doe", "password": PASSWORD}));
    let body = reply.json();
    assert_eq!(
        (reply.status.as_u16(), &body["tokenType"], &body["expiresIn"]),
        (200, &json!("Bearer"), &json!(900))
    );
    assert!(reply.text.starts_with(r#"{"accessToken":"ey"#), "{}", reply.text);
    assert!(body["refreshToken"].as_str().unwrap().starts_with("csr_"));
    assert_eq!(body.as_object().unwrap().len(), 4);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[test]
fn missing_credentials_are_rejected_with_401() {
    let server = server();
    let post = |call: Call| server.request(call).status_and_body();
    assert_eq!(post(Call::post("/getTokens")), NO_CREDENTIALS);
    assert_eq!(post(Call::post("/getTokens").bytes("username=john_doe")), NO_CREDENTIALS);
    let text = Call::post("/getTokens").header("content-type", "text/plain");
    assert_eq!(post(text.bytes(r#"{"username":"john_doe","password":"x"}"#)), NO_CREDENTIALS);
    for body in [
        json!({}),
        json!([]),
        json!("text"),
        json!(null),
        json!({"username": "john_doe"}),
        json!({"password": PASSWORD}),
        json!({"username": "john_doe", "password": null}),
    ] {
        assert_eq!(post(Call::post("/getTokens").json(&body)), NO_CREDENTIALS, "{body}");
    }
}

// E5
#[test]
fn every_rejected_sign_in_has_the_same_response_and_headers() {
    let server = server();
    server.add_user("disabled");
    let admin = server.add_admin("root");
    let token = server.sign_in_for(admin.username.as_str(), "countersign:admin").access;
    let disabled = json!({"disabled": true});
    let id =
        server.post_as("/v1/admin/users", &token, &json!({"username": "passwordless"})).json()["id"].clone();
    assert!(id.is_string());
    let users = server.get_as("/v1/admin/users", &token).json();
    let is_disabled = |user: &&Value| user["username"] == "disabled";
    let id = users["users"].as_array().unwrap().iter().find(is_disabled).unwrap()["id"].clone();
    let path = format!("/v1/admin/users/{}", id.as_str().unwrap());
    let patch = Call::new(Method::PATCH, &path).bearer(&token).json(&disabled);
    assert_eq!(server.request(patch).status, 200);
    let expected =
        server.post("/getTokens", &json!({"username": "john_doe", "password": "wrong"})).without_request_id();
    assert_eq!(format!("{} {}", expected.0.as_u16(), expected.2), BAD_CREDENTIALS);
    for body in [
        json!({"username": "nobody", "password": PASSWORD}),
        json!({"username": "disabled", "password": PASSWORD}),
        json!({"username": "passwordless", "password": PASSWORD}),
        json!({"username": "passwordless", "password": ""}),
        json!({"username": "", "password": ""}),
        json!({"username": "john\r\ndoe", "password": PASSWORD}),
        json!({"username": "john_doe", "password": "x".repeat(1025)}),
        json!({"username": "x".repeat(5000), "password": PASSWORD}),
        json!({"username": 1, "password": PASSWORD}),
        json!({"username": "john_doe", "password": ["x"]}),
    ] {
        assert_eq!(server.post("/getTokens", &body).without_request_id(), expected, "{body}");
    }
}

#[test]
fn a_throttled_sign_in_gets_429_and_retry_after() {
    let server = Harness::with(|config| config.throttle.account_burst = 2);
    server.add_user("john_doe");
    let guess = || server.post("/getTokens", &json!({"username": "john_doe", "password": "wrong"}));
    assert_eq!([guess().status.as_u16(), guess().status.as_u16()], [403, 403]);
    let reply = guess();
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, Some("60")));
    server.wait_seconds(60);
    assert_eq!(guess().status, 403);
}

#[test]
fn a_refresh_token_gets_the_next_pair() {
    let server = server();
    let first = server.sign_in("john_doe");
    let reply = server.refresh(&first.refresh);
    let second = Tokens::of_tutorial(&reply);
    assert_eq!((reply.status.as_u16(), &reply.json()["expiresIn"]), (200, &json!(900)));
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(server.get_as("/protectedRoute", &second.access).status, 200);
}

#[test]
fn a_missing_refresh_token_is_rejected_with_401() {
    let server = server();
    assert_eq!(server.request(Call::post("/refreshToken")).status_and_body(), NO_REFRESH_TOKEN);
    for body in [json!({}), json!([]), json!({"refreshToken": null}), json!({"refreshToken": ""})] {
        assert_eq!(server.post("/refreshToken", &body).status_and_body(), NO_REFRESH_TOKEN, "{body}");
    }
}

#[test]
fn every_invalid_refresh_token_gets_the_same_response() {
    let server = server();
    let tokens = server.sign_in("john_doe");
    for value in [json!(1), json!(true), json!(["x"]), json!({}), json!("x"), json!(tokens.access)] {
        assert_eq!(
            server.post("/refreshToken", &json!({"refreshToken": value})).status_and_body(),
            BAD_REFRESH_TOKEN
        );
    }
    server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    assert_eq!(server.refresh(&tokens.refresh).status_and_body(), BAD_REFRESH_TOKEN, "revoked");
    let expired = server.sign_in("john_doe");
    server.wait_seconds(7 * 86_400);
    assert_eq!(server.refresh(&expired.refresh).status_and_body(), BAD_REFRESH_TOKEN, "expired");
}

#[test]
fn the_protected_route_accepts_tokens_with_and_without_the_bearer_scheme() {
    let server = server();
    let token = server.sign_in("john_doe").access;
    for header in
        [token.clone(), format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER  {token}")]
    {
        let call = Call::new(Method::GET, "/protectedRoute").header("authorization", &header);
        let reply = server.request(call);
        let body = reply.json();
        assert_eq!((reply.status.as_u16(), &body["message"]), (200, &json!("This is a protected route")));
        assert_eq!(body["user"]["username"], "john_doe");
        assert!(body["user"]["id"].is_string() && body["user"]["exp"].is_u64(), "{body}");
    }
}

#[test]
fn a_missing_access_token_is_rejected_with_401() {
    let server = server();
    assert_eq!(server.get("/protectedRoute").status_and_body(), NO_ACCESS_TOKEN);
    for header in ["", "Bearer", "Bearer ", "bearer"] {
        let call = Call::new(Method::GET, "/protectedRoute").header("authorization", header);
        assert_eq!(server.request(call).status_and_body(), NO_ACCESS_TOKEN, "{header:?}");
    }
}

#[test]
fn an_invalid_access_token_is_rejected_in_both_forms_of_the_header() {
    let server = server();
    let tokens = server.sign_in("john_doe");
    let mut tampered = tokens.access.clone();
    tampered.replace_range(tampered.len() - 1.., if tampered.ends_with('A') { "B" } else { "A" });
    let longest = "a".repeat(16_384);
    let one_more = "a".repeat(16_385);
    for token in ["x", "..", &tokens.refresh, &tampered, &longest, &one_more, "Basic am9objpkb2U="] {
        for header in [token.to_owned(), format!("Bearer {token}")] {
            let call = Call::new(Method::GET, "/protectedRoute").header("authorization", &header);
            assert_eq!(server.request(call).status_and_body(), BAD_ACCESS_TOKEN);
        }
    }
    let twice = Call::new(Method::GET, "/protectedRoute").bearer(&tokens.access).bearer(&tokens.access);
    assert_eq!(server.request(twice).status_and_body(), BAD_ACCESS_TOKEN);
    server.wait_seconds(946);
    assert_eq!(
        server.get_as("/protectedRoute", &tokens.access).status_and_body(),
        BAD_ACCESS_TOKEN,
        "expired"
    );
}

#[test]
fn a_body_may_have_at_most_16384_bytes() {
    let server = server();
    let body_of = |length: usize| {
        let start = r#"{"refreshToken":""#;
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    for (path, refused) in [("/refreshToken", BAD_REFRESH_TOKEN), ("/getTokens", NO_CREDENTIALS)] {
        let post = |length| {
            let call = Call::post(path).header("content-type", "application/json");
            server.request(call.bytes(body_of(length)))
        };
        assert_eq!(post(16_384).status_and_body(), refused);
        assert_eq!(
            post(16_385).status_and_body(),
            r#"413 {"message":"The body is larger than 16384 bytes."}"#
        );
    }
}

#[test]
fn malformed_requests_and_unknown_routes_get_json_errors() {
    let server = server();
    let malformed = Call::post("/getTokens").header("content-type", "application/json").bytes("{");
    let reply = server.request(malformed);
    assert_eq!(reply.status, 400);
    assert!(
        reply.json()["message"].as_str().unwrap().starts_with("The request body is not valid JSON"),
        "{reply:?}"
    );
    let wrong_method = server.get("/getTokens");
    assert_eq!((wrong_method.status.as_u16(), wrong_method.header("allow")), (405, Some("POST")));
    assert!(wrong_method.json()["message"].is_string());
    let head = server.request(Call::post("/protectedRoute"));
    assert_eq!((head.status.as_u16(), head.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(server.get("/nothing").status_and_body(), r#"404 {"message":"No route has this path."}"#);
}

// D2
#[test]
fn logout_revokes_the_session_and_accepts_invalid_tokens() {
    let server = server();
    let tokens = server.sign_in("john_doe");
    let refreshed = Tokens::of_tutorial(&server.refresh(&tokens.refresh));
    for value in [json!("garbage"), json!(1), json!(null)] {
        assert_eq!(server.post("/logout", &json!({"refreshToken": value})).status_and_body(), "204 ");
    }
    assert_eq!(server.request(Call::post("/logout")).status_and_body(), "204 ");
    assert_eq!(server.post("/logout", &json!({"refreshToken": refreshed.refresh})).status_and_body(), "204 ");
    assert_eq!(server.refresh(&refreshed.refresh).status_and_body(), BAD_REFRESH_TOKEN);
    assert_eq!(server.post("/logout", &json!({"refreshToken": refreshed.refresh})).status_and_body(), "204 ");
    assert!(server.story(server.session_of(&refreshed.refresh)).contains("its holder signed out"));
}

#[test]
fn access_tokens_have_the_claims_of_rfc_9068_and_the_users_claims() {
    use countersign::flows::accounts::NewAccount;
    let server = Harness::new();
    let claims = json!({"id": 1, "username": "john_doe", "team": "red"});
    let (username, id) = ("john".to_owned(), Some("1".parse().unwrap()));
    server.add(NewAccount { username, id, claims: Some(claims), ..NewAccount::default() });
    let token = server.sign_in("john").access;
    let user = server.get_as("/protectedRoute", &token).json()["user"].clone();
    for (name, value) in [
        ("iss", json!("https://id.example.com")),
        ("aud", json!("https://id.example.com")),
        ("sub", json!("1")),
        ("client_id", json!("first-party")),
        ("scope", json!("countersign:account")),
        ("id", json!(1)),
        ("username", json!("john_doe")),
        ("team", json!("red")),
        ("iat", json!(1_800_000_000)),
    ] {
        assert_eq!(user[name], value, "{name}");
    }
    let lifetime = user["exp"].as_u64().unwrap() - user["iat"].as_u64().unwrap();
    assert!((900..=945).contains(&lifetime), "{lifetime}");
    assert!(user["jti"].as_str().unwrap().len() >= 22 && user["sid"].is_string());
}
