//! The throttle for failed sign-ins and for sign-ups: which requests it rejects, and for how long.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD, Reply};

const OFFICE: &str = "203.0.113.7";

fn sign_in(server: &Harness, name: &str, password: &str, address: &str) -> Reply {
    let body = json!({"username": name, "password": password});
    server.request(Call::post("/getTokens").from(address).json(&body))
}

fn guess(server: &Harness, name: &str) -> u16 {
    sign_in(server, name, "guess", OFFICE).status.as_u16()
}

/// Sends one guess for each account number.
fn spray(server: &Harness, accounts: std::ops::Range<u32>) -> Vec<u16> {
    accounts.map(|number| guess(server, &format!("user{number}"))).collect()
}

// E4
#[test]
fn guesses_from_an_address_do_not_block_correct_passwords_from_it() {
    let server = Harness::with(|config| config.throttle.address_burst = 3);
    server.add_user("jane");
    assert_eq!(spray(&server, 0..10), [403; 10]);
    assert_eq!(sign_in(&server, "jane", PASSWORD, OFFICE).status, 200, "an unknown device");
    let typed = ["tpyo", "typ0", PASSWORD].map(|password| sign_in(&server, "jane", password, OFFICE));
    assert_eq!(typed.map(|reply| reply.status.as_u16()), [403, 403, 200]);
    let statuses: Vec<_> = (0..5).map(|_| guess(&server, "user11")).collect();
    assert_eq!(statuses, [403, 403, 403, 429, 429], "three tries at one account from one address");
    assert_eq!(sign_in(&server, "user11", "guess", "198.51.100.1").status, 403, "from another address");
}

// E4
#[test]
fn guesses_at_many_accounts_stop_when_the_address_reserve_is_used_up() {
    let server = Harness::with(|config| config.throttle.address_burst = 1);
    server.add_user("jane");
    let reply = sign_in(&server, "jane", PASSWORD, OFFICE);
    let device = reply.cookie("__Host-countersign-device").unwrap();
    let statuses = spray(&server, 0..15);
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 11, "one try, and a reserve of ten");
    let refused = sign_in(&server, "jane", PASSWORD, OFFICE);
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("2")));
    let body = json!({"username": "jane", "password": PASSWORD});
    let known = Call::post("/getTokens").from(OFFICE).json(&body);
    let known = known.header("cookie", &format!("__Host-countersign-device={device}"));
    assert_eq!(server.request(known).status, 200, "a known device");
    server.wait_seconds(2);
    assert_eq!(
        [guess(&server, "a"), guess(&server, "b"), guess(&server, "c")],
        [403, 403, 429],
        "two tries after the refill"
    );
}

// E4
#[test]
fn addresses_of_an_ipv6_64_network_share_one_budget() {
    let server = Harness::with(|config| config.throttle.address_burst = 1);
    let from = |name: &str, address: &str| sign_in(&server, name, "guess", address).status.as_u16();
    let tries: Vec<_> = (0..12).map(|number| from(&format!("user{number}"), "2001:db8::1")).collect();
    assert_eq!(tries[11], 429);
    assert_eq!(from("e", "2001:db8::2"), 429, "the same /64");
    assert_eq!(from("f", "2001:db8:0:1::1"), 403);
}

// E4
#[test]
fn a_try_that_the_account_limit_rejects_does_not_count_for_the_address() {
    let server = Harness::with(|config| {
        (config.throttle.account_burst, config.throttle.address_burst) = (1, 1);
    });
    assert_eq!(guess(&server, "jane"), 403);
    assert!((0..30).all(|_| guess(&server, "jane") == 429));
    assert_eq!(spray(&server, 0..10), [403; 10]);
}

// E4
#[test]
fn sign_ups_and_sign_ins_have_separate_budgets() {
    let server = Harness::with(|config| {
        config.registration.enabled = true;
        config.throttle.address_burst = 1;
    });
    let sign_up = |name: &str| {
        let body = json!({"username": name, "password": PASSWORD});
        server.request(Call::post("/v1/users").from(OFFICE).json(&body))
    };
    spray(&server, 0..15);
    assert_eq!(sign_up("jane").status, 201, "after many wrong guesses");
    let throttled = sign_up("june");
    assert_eq!((throttled.status.as_u16(), throttled.header("retry-after")), (429, Some("2")));
    server.wait_seconds(2);
    assert_eq!([sign_up("june").status.as_u16(), sign_up("joan").status.as_u16()], [201, 429]);
    assert_eq!(sign_in(&server, "jane", PASSWORD, OFFICE).status, 200, "after many sign-ups");
}

#[test]
fn setting_the_system_clock_does_not_change_the_throttle() {
    let server = Harness::with(|config| config.throttle.account_burst = 1);
    assert_eq!(guess(&server, "jane"), 403);
    let try_again = || {
        let reply = sign_in(&server, "jane", "guess", OFFICE);
        (reply.status.as_u16(), reply.header("retry-after").map(str::to_owned))
    };
    let wait = (429, Some("60".to_owned()));
    assert_eq!(try_again(), wait);
    server.set_forward(86_400);
    assert_eq!(try_again(), wait, "the clock was set forward by a day");
    server.set_back(2 * 86_400);
    assert_eq!(try_again(), wait, "the clock was set back by two days");
    server.wait_seconds(60);
    assert_eq!(try_again().0, 403);
}

// E7
#[test]
fn every_throttled_route_says_how_long_to_wait() {
    let server = Harness::with(|config| {
        config.registration.enabled = true;
        let throttle = &mut config.throttle;
        (throttle.account_burst, throttle.address_burst, throttle.session_burst) = (1, 1, 1);
    });
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    let wrong = json!({"username": "jane", "password": "wrong"});
    assert_eq!(server.post("/getTokens", &wrong).status, 403);
    assert_eq!(server.post("/v1/users", &json!({"username": "june", "password": PASSWORD})).status, 201);
    let next = server.refresh(&tokens.refresh).json()["refreshToken"].clone();
    let confirm = json!({"current_password": PASSWORD});
    let change = json!({"current_password": PASSWORD, "new_password": "hgwq trnb xkcd zpvm"});
    let with_email = json!({"current_password": PASSWORD, "email": null});
    let calls: [(Method, &str, Value, &str); 8] = [
        (Method::POST, "/getTokens", wrong.clone(), "60"),
        (Method::POST, "/v1/sessions", wrong, "60"),
        (Method::POST, "/v1/users/me/password", change, "60"),
        (Method::PATCH, "/v1/users/me", with_email, "60"),
        (Method::DELETE, "/v1/users/me", confirm, "60"),
        (Method::POST, "/v1/users", json!({"username": "joan", "password": PASSWORD}), "2"),
        (Method::POST, "/refreshToken", json!({"refreshToken": next}), "1"),
        (Method::POST, "/v1/sessions/refresh", json!({"refresh_token": next}), "1"),
    ];
    for (method, path, body, wait) in calls {
        let reply = server.request(Call::new(method, path).bearer(&tokens.access).json(&body));
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, Some(wait)), "{path}");
    }
}
