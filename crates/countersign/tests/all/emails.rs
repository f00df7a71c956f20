//! E-mail addresses: users set them, administrators verify them, and applications only see verified ones.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD, Reply, Tokens};

fn code(reply: &Reply) -> String {
    format!("{} {}", reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default())
}

fn server() -> (Harness, String) {
    let server = Harness::with(|config| config.registration.enabled = true);
    let admin = server.administrator();
    (server, admin)
}

fn sign_up(server: &Harness, name: &str, email: &str) -> Value {
    let reply = server.post("/v1/users", &json!({"username": name, "password": PASSWORD, "email": email}));
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

#[test]
fn an_address_that_a_user_sets_is_unverified_and_need_not_be_unique() {
    let (server, _) = server();
    let jane = sign_up(&server, "jane", "boss@example.com");
    assert_eq!((&jane["email"], &jane["email_verified"]), (&json!("boss@example.com"), &json!(false)));
    sign_up(&server, "john", "boss@example.com");
    let access = server.sign_in("john").access;
    let body = json!({"current_password": PASSWORD, "email": "other@example.com"});
    let changed = server.request(Call::new(Method::PATCH, "/v1/users/me").bearer(&access).json(&body)).json();
    assert_eq!((&changed["email"], &changed["email_verified"]), (&json!("other@example.com"), &json!(false)));
    let asserted = json!({"current_password": PASSWORD, "email": "a@example.com", "email_verified": true});
    let call = Call::new(Method::PATCH, "/v1/users/me").bearer(&access).json(&asserted);
    assert_eq!(code(&server.request(call)), "400 malformed_request", "users cannot verify their own address");
}

#[test]
fn an_administrator_verifies_an_address_and_only_one_user_can_have_it() {
    let (server, admin) = server();
    let ids: Vec<_> = ["jane", "john"]
        .iter()
        .map(|name| sign_up(&server, name, "boss@example.com")["id"].as_str().unwrap().to_owned())
        .collect();
    let patch = |id: &str, body: Value| {
        server.request(Call::new(Method::PATCH, &format!("/v1/admin/users/{id}")).bearer(&admin).json(&body))
    };
    assert_eq!(code(&patch(&ids[0], json!({"email_verified": true}))), "400 malformed_request");
    assert_eq!(
        code(&patch(&ids[0], json!({"email": null, "email_verified": true}))),
        "400 malformed_request"
    );
    let verified = patch(&ids[0], json!({"email": "boss@example.com", "email_verified": true}));
    assert_eq!((verified.status.as_u16(), &verified.json()["email_verified"]), (200, &json!(true)));
    let second =
        patch(&ids[1], json!({"email": "BOSS@Example.com", "email_verified": true, "role": "admin"}));
    assert_eq!(code(&second), "409 email_taken");
    let john = server.get_as(&format!("/v1/admin/users/{}", ids[1]), &admin).json();
    assert_eq!(
        (&john["role"], &john["email_verified"]),
        (&json!("user"), &json!(false)),
        "the rejected change has no effect"
    );
    let body = json!({"username": "jack", "email": "boss@example.com", "email_verified": true});
    assert_eq!(code(&server.post_as("/v1/admin/users", &admin, &body)), "409 email_taken");
    // If the owner changes the address, it is unverified again.
    let access = server.sign_in("jane").access;
    let body = json!({"current_password": PASSWORD, "email": "boss@example.com"});
    let changed = server.request(Call::new(Method::PATCH, "/v1/users/me").bearer(&access).json(&body));
    assert_eq!(changed.json()["email_verified"], json!(false));
    let again = patch(&ids[1], json!({"email": "boss@example.com", "email_verified": true}));
    assert_eq!(again.status, 200, "another user can now have the verified address");
}

// G4
#[test]
fn an_application_behind_a_proxy_only_receives_verified_addresses() {
    let server = Harness::with(|config| {
        config.registration.enabled = true;
        config.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()];
    });
    let admin = server.administrator();
    let id = sign_up(&server, "jane", "boss@example.com")["id"].as_str().unwrap().to_owned();
    let ask = || {
        let access = Tokens::of_tutorial(
            &server.post("/getTokens", &json!({"username": "jane", "password": PASSWORD})),
        );
        let call = Call::new(Method::GET, "/authz/forward-auth")
            .bearer(&access.access)
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "app.example.com")
            .header("x-forwarded-uri", "/");
        let reply = server.request(call);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.header("remote-email").unwrap().to_owned()
    };
    assert_eq!(ask(), "");
    let body = json!({"email": "boss@example.com", "email_verified": true});
    let call = Call::new(Method::PATCH, &format!("/v1/admin/users/{id}")).bearer(&admin).json(&body);
    assert_eq!(server.request(call).status, 200);
    assert_eq!(ask(), "boss@example.com");
}
