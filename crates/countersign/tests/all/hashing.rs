//! Password hashing: each sign-in costs one hash, and a bounded pool limits memory and waiting requests.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD};
use crate::process::Process;

fn hashes(server: &Harness) -> u64 {
    let metrics = server.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix("countersign_password_hashes_total "));
    line.unwrap().parse().unwrap()
}

// E5
#[test]
fn every_rejected_sign_in_costs_one_hash() {
    let server = Harness::new();
    server.add_user("jane");
    server.add_user("disabled");
    server.database().execute("UPDATE users SET disabled_at = 1 WHERE username = 'disabled'", []).unwrap();
    server.add_user("passwordless");
    server
        .database()
        .execute(
            "UPDATE users SET password_hash = NULL, password_kind = NULL WHERE username = 'passwordless'",
            [],
        )
        .unwrap();
    for (name, password) in [
        ("unknown", PASSWORD),
        ("jane", "wrong"),
        ("jane", ""),
        ("disabled", PASSWORD),
        ("passwordless", PASSWORD),
        ("passwordless", ""),
        ("\u{1b}[31m", PASSWORD),
    ] {
        let before = hashes(&server);
        let reply = server.post("/getTokens", &json!({"username": name, "password": password}));
        assert_eq!((reply.status.as_u16(), hashes(&server) - before), (403, 1), "{name:?} {password:?}");
    }
}

// E6
#[test]
fn too_long_passwords_are_rejected_on_every_route_before_hashing() {
    let server = Harness::with(|config| config.registration.enabled = true);
    server.add_user("jane");
    let access = server.sign_in("jane").access;
    let before = hashes(&server);
    let long = "x".repeat(1025);
    let bodies = [
        ("/getTokens", json!({"username": "jane", "password": long})),
        ("/v1/sessions", json!({"username": "jane", "password": long})),
        ("/v1/users", json!({"username": "john", "password": long})),
        ("/v1/users/me/password", json!({"current_password": long, "new_password": long})),
    ];
    let statuses = bodies.map(|(path, body)| server.post_as(path, &access, &body).status.as_u16());
    assert_eq!(statuses, [403, 401, 422, 403]);
    for method in [Method::PATCH, Method::DELETE] {
        let mut body = json!({"current_password": long});
        if method == Method::PATCH {
            body["email"] = Value::Null;
        }
        assert_eq!(server.request(Call::new(method, "/v1/users/me").bearer(&access).json(&body)).status, 403);
    }
    assert_eq!(hashes(&server), before);
}

// E6
#[test]
fn a_password_that_is_expensive_to_estimate_runs_in_the_bounded_pool() {
    let server = Harness::with(|config| config.registration.enabled = true);
    let expensive = "+@55@{32@3z[75$<7<6+%25%2{3$Z!42564[+2z!({4+5(15+7%[|Z0{0{z${11@4[{$!!$2|7Z3Z|@z@(@1[65|20{165z530@6`";
    let before = hashes(&server);
    let reply = server.post("/v1/users", &json!({"username": "jane", "password": expensive}));
    assert_eq!((reply.status.as_u16(), hashes(&server) - before), (201, 1), "one use of the pool");
}

// E6
#[test]
fn a_weaker_hash_is_replaced_at_the_next_sign_in() {
    let server = Harness::new();
    server.add_user("jane");
    let hash = |server: &Harness| -> String {
        server.database().query_row("SELECT password_hash FROM users", [], |row| row.get(0)).unwrap()
    };
    assert!(hash(&server).contains("m=19456,t=2,p=1"));
    let server = server.restart(|config| config.password.passes = 3);
    server.sign_in("jane");
    assert!(hash(&server).contains("m=19456,t=3,p=1"), "{}", hash(&server));
    let before = hash(&server);
    server.sign_in("jane");
    assert_eq!(hash(&server), before);
}

// E6
#[test]
fn sign_ins_beyond_the_queue_get_503_and_retry_after() {
    let server = Harness::with(|config| (config.password.workers, config.password.queue) = (1, 2));
    server.add_user("jane");
    let body = json!({"username": "jane", "password": PASSWORD});
    let calls = (0..20).map(|_| {
        let (routes, body) = (server.routes.clone(), body.clone());
        server.runtime.spawn(async move { routes.call(Call::post("/getTokens").json(&body)).await })
    });
    let calls: Vec<_> = calls.collect();
    let replies: Vec<_> = calls.into_iter().map(|call| server.runtime.block_on(call).unwrap()).collect();
    let busy: Vec<_> = replies.iter().filter(|reply| reply.status == 503).collect();
    assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 503));
    assert!(!busy.is_empty() && busy.len() < 20, "{} of 20 requests got a 503", busy.len());
    assert!(busy.iter().all(|reply| reply.header("retry-after") == Some("2")));
    server.sign_in("jane");
}

// E6
#[test]
fn five_hundred_concurrent_sign_ins_stay_within_the_memory_limit() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        for lane in ["ADDRESS", "ACCOUNT"] {
            command.env(format!("COUNTERSIGN_THROTTLE__{lane}_BURST"), "1000000");
        }
    });
    let body = json!({"username": "unknown", "password": "wrong"}).to_string();
    let statuses = server.post_at_once("/getTokens", &body, 500);
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!(count(403) + count(503), 500, "{statuses:?}");
    assert!(count(403) >= 60 && count(503) > 0, "{} were hashed, {} got a 503", count(403), count(503));
    let peak = server.peak_memory_kib();
    // Two hashes of 19 MiB at a time, and the rest of the server.
    assert!(peak < 150 * 1024, "{peak} KiB");
}

/// A correct password does not count for the throttle, so the queue of the pool has a share for each address.
// E6
#[test]
fn correct_sign_ins_from_one_address_do_not_block_other_addresses() {
    let server = Harness::new();
    server.add_user("jane");
    server.add_user("john");
    let sign_in = |name: &str, from: &str| {
        let body = json!({"username": name, "password": PASSWORD});
        let (routes, call) = (server.routes.clone(), Call::post("/getTokens").from(from).json(&body));
        server.runtime.spawn(async move { routes.call(call).await })
    };
    let greedy: Vec<_> = (0..100).map(|_| sign_in("jane", "203.0.113.1")).collect();
    let other = server.runtime.block_on(sign_in("john", "203.0.113.2")).unwrap();
    let many: Vec<_> = greedy.into_iter().map(|call| server.runtime.block_on(call).unwrap()).collect();
    let count = |status: u16| many.iter().filter(|reply| reply.status == status).count();
    assert!(
        count(200) >= 8 && count(503) > 0 && count(200) + count(503) == 100,
        "{} requests got a 200, {} got a 503",
        count(200),
        count(503)
    );
    assert!(many.iter().all(|reply| reply.status == 200 || reply.header("retry-after").is_some()));
    assert_eq!(other.status, 200);
}
