//! Accounts: sign-up, passwords, and the throttle for password guesses.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Call, Harness, PASSWORD, Reply, Tokens};

const OTHER: &str = "hgwq trnb xkcd zpvm";

fn open_registration() -> Harness {
    Harness::with(|config| config.registration.enabled = true)
}

fn code(reply: &Reply) -> String {
    format!("{} {}", reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default())
}

#[test]
fn sign_up_is_rejected_unless_registration_is_enabled() {
    let body = json!({"username": "jane", "password": PASSWORD});
    assert_eq!(code(&Harness::new().post("/v1/users", &body)), "403 registration_closed");
    let server = open_registration();
    let reply = server.post("/v1/users", &body);
    assert_eq!((reply.status.as_u16(), &reply.json()["username"]), (201, &json!("jane")));
    assert!(!reply.text.contains("argon2") && !reply.text.contains(PASSWORD));
    server.sign_in("jane");
    assert_eq!(
        code(&server.post("/v1/users", &json!({"username": "JANE", "password": PASSWORD}))),
        "409 username_taken"
    );
}

// E1, E2, E3
#[test]
fn a_password_must_be_long_and_hard_to_guess_without_other_rules() {
    let server = open_registration();
    let sign_up = |name: &str, password: &str| {
        let reply = server.post("/v1/users", &json!({"username": name, "password": password}));
        if reply.status == 201 { "201".to_owned() } else { code(&reply) }
    };
    assert_eq!(sign_up("a", "vbzqmwtxkrfjpl"), "422 weak_password");
    assert_eq!(sign_up("b", "vbzqmwtxkrfjpln"), "201");
    assert_eq!(sign_up("c", &"🦊🪵🧊🎻🪁🧭🌵🪙".repeat(8)), "201");
    assert_eq!(sign_up("d", &"x".repeat(257)), "422 weak_password");
    assert_eq!(sign_up("e", "passwordpassword"), "422 weak_password");
    assert_eq!(sign_up("evangelina", "evangelina-evangelina"), "422 weak_password");
}

// E1
#[test]
fn passwords_are_not_truncated() {
    let server = open_registration();
    let (one, other) = (format!("{}one", "vbzq mwtx ".repeat(8)), format!("{}two", "vbzq mwtx ".repeat(8)));
    server.post("/v1/users", &json!({"username": "jane", "password": one}));
    let sign_in =
        |password: &str| server.post("/getTokens", &json!({"username": "jane", "password": password})).status;
    assert_eq!((sign_in(&one).as_u16(), sign_in(&other).as_u16()), (200, 403));
}

// D4
#[test]
fn a_password_change_needs_the_old_password_and_revokes_the_other_sessions() {
    let server = Harness::new();
    server.add_user("jane");
    let (this, other) = (server.sign_in("jane"), server.sign_in("jane"));
    let change = |old: &str, new: &str| {
        let body = json!({"current_password": old, "new_password": new});
        server.post_as("/v1/users/me/password", &this.access, &body)
    };
    assert_eq!(code(&change("wrong", OTHER)), "403 wrong_password");
    assert_eq!(code(&change(PASSWORD, "short")), "422 weak_password");
    assert_eq!(server.refresh(&other.refresh).status, 200);
    assert_eq!(change(PASSWORD, OTHER).status, 204);
    assert_eq!(server.refresh(&other.refresh).status, 403);
    assert_eq!(server.refresh(&this.refresh).status, 200);
    let old = server.post("/getTokens", &json!({"username": "jane", "password": PASSWORD}));
    assert_eq!(old.status, 403);
    assert!(server.story(server.session_of(&other.refresh)).contains("the password was changed"));
}

// E4
#[test]
fn an_attacker_cannot_lock_the_owner_out_of_a_known_device() {
    let server = Harness::with(|config| config.throttle.account_burst = 5);
    server.add_user("jane");
    let reply = server.post("/getTokens", &json!({"username": "jane", "password": PASSWORD}));
    let device = reply.cookie("__Host-countersign-device").unwrap();
    let guess = |address: &str| {
        let body = json!({"username": "jane", "password": "guess"});
        server.request(Call::post("/getTokens").from(address).json(&body)).status.as_u16()
    };
    let guesses: Vec<_> = (1..=8).map(|host| guess(&format!("203.0.113.{host}"))).collect();
    assert_eq!(guesses, [403, 403, 403, 403, 403, 429, 429, 429]);
    let body = json!({"username": "jane", "password": PASSWORD});
    assert_eq!(server.post("/getTokens", &body).status, 429, "an unknown device");
    let known = Call::post("/getTokens").header("cookie", &format!("__Host-countersign-device={device}"));
    assert_eq!(server.request(known.json(&body)).status, 200);
    let forged = format!("__Host-countersign-device={}A", &device[..device.len() - 1]);
    assert_eq!(server.request(Call::post("/getTokens").header("cookie", &forged).json(&body)).status, 429);
}

// E4
#[test]
fn the_throttle_stops_guesses_at_one_account_after_thirty() {
    let server = Harness::new();
    server.add_user("jane");
    let guess = |index: u32| {
        let call = Call::post("/getTokens").from(&format!("203.0.113.{}", index % 250));
        server.request(call.json(&json!({"username": "jane", "password": "guess"}))).status.as_u16()
    };
    assert_eq!((0..110).filter(|index| guess(*index) == 403).count(), 30);
}

// E4
#[test]
fn a_sign_in_that_fails_because_of_the_store_does_not_count_as_a_guess() {
    let server = Harness::with(|config| config.throttle.account_burst = 2);
    server.add_user("jane");
    let body = json!({"username": "jane", "password": PASSWORD});
    server.database().execute("ALTER TABLE users RENAME TO away", []).unwrap();
    for _ in 0..5 {
        assert_eq!(server.post("/getTokens", &body).status, 503);
    }
    server.database().execute("ALTER TABLE away RENAME TO users", []).unwrap();
    server.sign_in("jane");
}

// E4
#[test]
fn guesses_from_a_known_device_are_throttled() {
    let server = Harness::with(|config| config.throttle.device_burst = 3);
    server.add_user("jane");
    let device = server
        .post("/getTokens", &json!({"username": "jane", "password": PASSWORD}))
        .cookie("__Host-countersign-device")
        .unwrap();
    let guess = || {
        let call = Call::post("/getTokens").header("cookie", &format!("__Host-countersign-device={device}"));
        server.request(call.json(&json!({"username": "jane", "password": "guess"}))).status.as_u16()
    };
    assert_eq!([guess(), guess(), guess(), guess()], [403, 403, 403, 429]);
}

#[test]
fn correct_sign_ins_are_not_throttled() {
    let server =
        Harness::with(|config| (config.throttle.account_burst, config.throttle.address_burst) = (2, 2));
    server.add_user("jane");
    for _ in 0..6 {
        server.sign_in("jane");
    }
}

// E7
#[test]
fn all_routes_that_accept_a_password_share_one_throttle() {
    let server = Harness::with(|config| config.throttle.account_burst = 4);
    server.add_user("jane");
    let access = server.sign_in("jane").access;
    let wrong = json!({"username": "jane", "password": "wrong"});
    let statuses = [
        server.post("/getTokens", &wrong).status,
        server.post("/v1/sessions", &wrong).status,
        server
            .post_as(
                "/v1/users/me/password",
                &access,
                &json!({"current_password": "wrong", "new_password": OTHER}),
            )
            .status,
        server
            .request(
                Call::new(Method::DELETE, "/v1/users/me")
                    .bearer(&access)
                    .json(&json!({"current_password": "x"})),
            )
            .status,
    ];
    assert_eq!(statuses.map(|status| status.as_u16()), [403, 401, 403, 403]);
    let email = json!({"current_password": PASSWORD, "email": null});
    let patch = || server.request(Call::new(Method::PATCH, "/v1/users/me").bearer(&access).json(&email));
    assert_eq!(patch().status, 429);
    assert_eq!(server.post("/v1/sessions", &wrong).status, 429);
    server.wait_seconds(60);
    assert_eq!(patch().status, 200);
}

#[test]
fn a_user_changes_and_deletes_their_own_account() {
    let server = Harness::new();
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    let patch = |email: serde_json::Value| {
        let body = json!({"current_password": PASSWORD, "email": email});
        server.request(Call::new(Method::PATCH, "/v1/users/me").bearer(&tokens.access).json(&body))
    };
    assert_eq!(patch(json!("jane@example.com")).json()["email"], "jane@example.com");
    assert_eq!(code(&patch(json!("jane"))), "422 invalid_account");
    assert_eq!(server.get_as("/v1/users/me", &tokens.access).json()["email"], "jane@example.com");
    let delete = Call::new(Method::DELETE, "/v1/users/me").bearer(&tokens.access);
    assert_eq!(server.request(delete.json(&json!({"current_password": PASSWORD}))).status, 204);
    assert_eq!(server.refresh(&tokens.refresh).status, 403);
    assert_eq!(server.get_as("/v1/users/me", &tokens.access).status, 401);
}

// E10
#[test]
fn a_temporary_password_can_only_be_used_to_set_a_new_password() {
    let server = Harness::new();
    let root = server.add_admin("root");
    let admin = server.sign_in_for(root.username.as_str(), "countersign:admin").access;
    let body = json!({"username": "jane", "temporary_password": true});
    let temporary = server.post_as("/v1/admin/users", &admin, &body).json()["temporary_password"].clone();
    let temporary = temporary.as_str().unwrap();
    let with = |more: serde_json::Value| {
        let mut body = json!({"username": "jane", "password": temporary});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/v1/sessions", &body)
    };
    assert_eq!(code(&with(json!({}))), "403 password_change_required");
    // The tutorial's route only reports this to a client that sends the correct temporary password.
    let mut body = json!({"username": "jane", "password": temporary});
    let message = |body: &serde_json::Value| {
        let reply = server.post("/getTokens", body);
        (reply.status.as_u16(), reply.json()["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(message(&body), (403, "This password is temporary. Send `newPassword` too".to_owned()));
    let refused = (403, "Failed to authenticate credentials".to_owned());
    body["newPassword"] = json!(7);
    assert_eq!(message(&body), refused);
    body["newPassword"] = json!("short");
    assert_eq!(message(&body).0, 422);
    let guess = json!({"username": "jane", "password": "guess", "newPassword": "hgwq trnb xkcd zpvm"});
    assert_eq!(message(&guess), refused);
    assert_eq!(code(&with(json!({"new_password": "short"}))), "422 weak_password");
    let opened = with(json!({"new_password": PASSWORD}));
    assert_eq!(opened.status, 201);
    assert_eq!(server.get_as("/v1/users/me", &Tokens::of_first_party(&opened).access).status, 200);
    assert_eq!(code(&with(json!({}))), "401 invalid_credentials");
    server.sign_in("jane");
}
