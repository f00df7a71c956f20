//! Password guesses with and without device tokens, and temporary passwords.

use axum::http::Method;
use countersign::flows::accounts::NewAccount;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD, Reply, Tokens};

const OTHER: &str = "hgwq trnb xkcd zpvm";
const DEVICE: &str = "__Host-countersign-device";

fn code(reply: &Reply) -> String {
    format!("{} {}", reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default())
}

/// Signs in through `/getTokens`. Returns the device token, a cookie that marks a known device of an account.
fn device(server: &Harness, name: &str) -> String {
    let body = json!({"username": name, "password": PASSWORD});
    server.post("/getTokens", &body).cookie(DEVICE).unwrap()
}

fn guess(server: &Harness, name: &str, device: &str, from: &str) -> u16 {
    let body = json!({"username": name, "password": "guess"});
    let call = Call::post("/getTokens").from(from).header("cookie", &format!("{DEVICE}={device}"));
    server.request(call.json(&body)).status.as_u16()
}

/// Sends 20 guesses with each device token. Returns the number that the server checks and does not throttle.
fn checked_guesses(server: &Harness, devices: &[String]) -> usize {
    let tries = (0..20).flat_map(|_| devices.iter());
    tries.filter(|device| guess(server, "jane", device, "192.0.2.1") == 403).count()
}

// E4
#[test]
fn more_device_tokens_do_not_allow_more_guesses() {
    let server = Harness::with(|config| config.throttle.address_burst = 60);
    server.add_user("jane");
    let devices: Vec<_> = (0..25).map(|_| device(&server, "jane")).collect();
    assert_eq!(checked_guesses(&server, &devices), 30, "the account's known devices share one budget");
    let body = json!({"username": "jane", "password": PASSWORD});
    assert_eq!(server.post("/getTokens", &body).status, 200, "unknown devices have a separate budget");
}

// E4
#[test]
fn guesses_from_known_devices_do_not_lock_out_others_at_the_same_address() {
    let server = Harness::with(|config| config.throttle.address_burst = 12);
    let names: Vec<_> = (0..4).map(|number| format!("user{number}")).collect();
    let devices: Vec<_> = names
        .iter()
        .map(|name| {
            server.add_user(name);
            device(&server, name)
        })
        .collect();
    for (name, device) in names.iter().zip(&devices).take(3) {
        let checked = (0..40).filter(|_| guess(&server, name, device, "192.0.2.1") == 403).count();
        assert_eq!(checked, 10, "the budget of one known device");
    }
    let body = json!({"username": names[3], "password": PASSWORD});
    let own = Call::post("/getTokens").header("cookie", &format!("{DEVICE}={}", devices[3]));
    assert_eq!(server.request(own.json(&body)).status, 200);
}

// E4
#[test]
fn a_try_that_the_account_limit_rejects_does_not_count_for_the_device() {
    let server = Harness::with(|config| config.throttle.account_burst = 5);
    server.add_user("jane");
    let [one, two] = [device(&server, "jane"), device(&server, "jane")];
    let outcomes: Vec<_> = (0..20).map(|_| guess(&server, "jane", &one, "192.0.2.1")).collect();
    assert_eq!(outcomes.iter().filter(|status| **status == 403).count(), 5);
    assert_eq!(guess(&server, "jane", &two, "192.0.2.1"), 429);
    server.wait_seconds(5 * 60);
    let outcomes: Vec<_> = (0..5).map(|_| guess(&server, "jane", &two, "192.0.2.1")).collect();
    assert_eq!(outcomes, [403; 5], "only the account's budget had to refill");
}

// D4
#[test]
fn the_device_that_changes_the_password_stays_known() {
    let server = Harness::with(|config| config.throttle.account_burst = 3);
    server.add_user("jane");
    let access = server.sign_in("jane").access;
    let body = json!({"current_password": PASSWORD, "new_password": OTHER});
    let device = server.post_as("/v1/users/me/password", &access, &body).cookie(DEVICE).unwrap();
    for _ in 0..3 {
        guess(&server, "jane", "none", "203.0.113.1");
    }
    assert_eq!(guess(&server, "jane", &device, "203.0.113.2"), 403, "a separate budget");
}

// D4
#[test]
fn the_device_that_signs_the_others_out_stays_known() {
    let server = Harness::with(|config| config.throttle.account_burst = 3);
    server.add_user("john");
    server.add_user("jane");
    let old = device(&server, "jane");
    let access = server.sign_in("jane").access;
    let call = Call::new(Method::DELETE, "/v1/sessions?except=current").bearer(&access);
    let with_invalid_cookie =
        Call::new(Method::DELETE, "/v1/sessions?except=current").bearer(&server.sign_in("john").access);
    let reply = server.request(with_invalid_cookie.header("cookie", &format!("{DEVICE}=x")));
    assert_eq!(reply.cookie(DEVICE), None, "an access token alone does not make a device known");
    let new = server.request(call.header("cookie", &format!("{DEVICE}={old}"))).cookie(DEVICE).unwrap();
    for _ in 0..3 {
        guess(&server, "jane", "none", "203.0.113.1");
    }
    assert_eq!(guess(&server, "jane", &old, "203.0.113.2"), 429, "it was bound to the previous epoch");
    assert_eq!(guess(&server, "jane", &new, "203.0.113.2"), 403, "a separate budget");
}

// E4
#[test]
fn password_changes_sign_outs_and_deletions_invalidate_device_tokens() {
    type Change = fn(&Harness, &str);
    let changes: [(&str, Change); 4] = [
        ("a new password", |server, access| {
            let body = json!({"current_password": PASSWORD, "new_password": OTHER});
            assert_eq!(server.post_as("/v1/users/me/password", access, &body).status, 204);
        }),
        ("a sign-out everywhere", |server, access| {
            assert_eq!(server.delete_as("/v1/sessions", access).status, 200);
        }),
        ("a new account with the same name", |server, access| {
            let body = json!({"current_password": PASSWORD});
            let call = Call::new(Method::DELETE, "/v1/users/me").bearer(access).json(&body);
            assert_eq!(server.request(call).status, 204);
            server.add_user("jane");
        }),
        ("a new account with the same id", |server, access| {
            let id = server.get_as("/v1/users/me", access).json()["id"].as_str().unwrap().to_owned();
            let body = json!({"current_password": PASSWORD});
            server.request(Call::new(Method::DELETE, "/v1/users/me").bearer(access).json(&body));
            server.wait_seconds(1);
            let username = "jane".to_owned();
            server.add(NewAccount { id: Some(id.parse().unwrap()), username, ..NewAccount::default() });
        }),
    ];
    for (name, change) in changes {
        let server = Harness::with(|config| config.throttle.account_burst = 3);
        server.add_user("jane");
        let device = device(&server, "jane");
        let access = server.sign_in("jane").access;
        change(&server, &access);
        // Three guesses from an unknown device use up the budget of all unknown devices of the account.
        for _ in 0..3 {
            guess(&server, "jane", "none", "203.0.113.1");
        }
        assert_eq!(guess(&server, "jane", &device, "203.0.113.2"), 429, "after {name}");
    }
}

// E10
#[test]
fn a_temporary_password_works_once_and_cannot_be_kept() {
    let server = Harness::new();
    server.add_admin("root");
    server.add_user("jane");
    let admin = server.sign_in_for("root", "countersign:admin").access;
    let id = server.get_as("/v1/admin/users", &admin).json()["users"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["username"] == "jane")
        .unwrap()["id"]
        .clone();
    let path = format!("/v1/admin/users/{}/password", id.as_str().unwrap());
    let reset = || {
        let reply = server.post_as(&path, &admin, &json!({}));
        reply.json()["temporary_password"].as_str().unwrap().to_owned()
    };
    let sign_in = |password: &str, new: Option<&str>| {
        let mut body = json!({"username": "jane", "password": password});
        if let Some(new) = new {
            body["new_password"] = new.into();
        }
        server.post("/v1/sessions", &body)
    };
    let temporary = reset();
    assert_eq!(code(&sign_in(&temporary, None)), "403 password_change_required");
    assert_eq!(code(&sign_in(&temporary, Some(&temporary))), "422 weak_password");
    let composed = temporary.replace('a', "\u{ff41}");
    assert_eq!(
        code(&sign_in(&temporary, Some(&composed))),
        "422 weak_password",
        "the same password after normalization"
    );
    assert_eq!(sign_in(&temporary, Some(OTHER)).status, 201);
    assert_eq!(code(&sign_in(&temporary, Some(PASSWORD))), "401 invalid_credentials");
    // Of several concurrent sign-ins, only one sets the password.
    let temporary = reset();
    let replies: Vec<_> = (0..8)
        .map(|number| {
            let routes = server.routes.clone();
            let new = format!("{OTHER} {number}");
            let body = json!({"username": "jane", "password": temporary, "new_password": new});
            server.runtime.spawn(async move { routes.call(Call::post("/v1/sessions").json(&body)).await })
        })
        .collect();
    let statuses: Vec<_> =
        replies.into_iter().map(|reply| server.runtime.block_on(reply).unwrap().status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 401, 409].contains(status)), "{statuses:?}");
}

// E10
#[test]
fn a_temporary_password_only_confirms_a_password_change() {
    let server = Harness::new();
    server.add_admin("root");
    let jane = server.add_user("jane");
    let admin = server.sign_in_for("root", "countersign:admin").access;
    let path = format!("/v1/admin/users/{}/password", jane.id);
    let temporary = server.post_as(&path, &admin, &json!({})).json()["temporary_password"].clone();
    let body =
        json!({"subject": jane.id.as_str(), "client_id": "first-party", "scope": "countersign:account"});
    let opened = server.post_as("/v1/admin/sessions", &admin, &body);
    let access = Tokens::of_first_party(&opened).access;
    let call = |method: Method, body: Value| {
        server.request(Call::new(method, "/v1/users/me").bearer(&access).json(&body))
    };
    let patch = json!({"current_password": temporary, "email": "jane@example.com"});
    assert_eq!(code(&call(Method::PATCH, patch)), "403 password_change_required");
    let delete = json!({"current_password": temporary});
    assert_eq!(code(&call(Method::DELETE, delete)), "403 password_change_required");
    let change = json!({"current_password": temporary, "new_password": OTHER});
    assert_eq!(server.post_as("/v1/users/me/password", &access, &change).status, 204);
}

// E2
#[test]
fn a_new_password_must_differ_from_the_old_one() {
    let server = Harness::new();
    server.add_user("jane");
    let access = server.sign_in("jane").access;
    let change = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    assert_eq!(code(&server.post_as("/v1/users/me/password", &access, &change)), "422 weak_password");
    let sign_in = json!({"username": "jane", "password": PASSWORD, "new_password": PASSWORD});
    assert_eq!(code(&server.post("/v1/sessions", &sign_in)), "422 weak_password");
}

// D4
#[test]
fn a_password_reset_wins_against_concurrent_password_changes() {
    for round in 0..4 {
        let server = Harness::new();
        server.add_admin("root");
        let jane = server.add_user("jane");
        let admin = server.sign_in_for("root", "countersign:admin").access;
        let path = format!("/v1/admin/users/{}/password", jane.id);
        let signed_in: Vec<_> = (0..6).map(|_| server.sign_in("jane").access).collect();
        let attackers: Vec<_> = signed_in
            .into_iter()
            .enumerate()
            .map(|(number, access)| {
                let (routes, new) = (server.routes.clone(), format!("{OTHER} {number}"));
                let body = json!({"current_password": PASSWORD, "new_password": new});
                let call = Call::post("/v1/users/me/password").bearer(&access).json(&body);
                server.runtime.spawn(async move { routes.call(call).await.status.as_u16() })
            })
            .collect();
        let reset = server.post_as(&path, &admin, &json!({}));
        let temporary = reset.json()["temporary_password"].clone();
        let statuses: Vec<_> =
            attackers.into_iter().map(|one| server.runtime.block_on(one).unwrap()).collect();
        assert!(statuses.iter().filter(|status| **status == 204).count() <= 1, "round {round}: {statuses:?}");
        let sign_in =
            json!({"username": "jane", "password": temporary, "new_password": PASSWORD.to_owned() + " new"});
        assert_eq!(
            server.post("/v1/sessions", &sign_in).status,
            201,
            "round {round}: the temporary password is valid"
        );
    }
}
