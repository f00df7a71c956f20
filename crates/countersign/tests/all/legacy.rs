//! Legacy tokens, which the tutorial's old server signed. These tests sign them with Node's `jsonwebtoken`.

use std::path::Path;
use std::process::{Command, Stdio};

use axum::http::Method;
use countersign::config::Date;
use countersign::flows::accounts::NewAccount;
use countersign_core::Secret;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD, Reply, START, Tokens};

const REFRESH_SECRET: &str = "refresh-secret";
const ACCESS_SECRET: &str = "access-secret";

/// Signs a token with the same library and options as the tutorial.
fn node_sign(payload: &Value, secret: &str) -> String {
    let oracles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracles");
    assert!(
        oracles.join("node_modules/jsonwebtoken").exists(),
        "Node's jsonwebtoken is not installed: run `cargo xtask check` once, it installs what the tests need"
    );
    let script = "const jwt = require('jsonwebtoken'); \
                  const payload = JSON.parse(process.argv[1]); \
                  const options = { noTimestamp: !('iat' in payload) }; \
                  process.stdout.write(jwt.sign(payload, process.argv[2], options));";
    let output = Command::new("node")
        .args(["-e", script, &payload.to_string(), secret])
        .current_dir(oracles)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn server() -> Harness {
    let server = Harness::with(|config| {
        config.legacy.refresh_secret = Some(Secret::new(REFRESH_SECRET.to_owned()));
        config.legacy.access_secret = Some(Secret::new(ACCESS_SECRET.to_owned()));
        // A week after the start.
        config.legacy.accept_until = Some("2027-01-22".parse::<Date>().unwrap());
    });
    let id = Some("1".parse().unwrap());
    server.add(NewAccount { id, username: "john_doe".to_owned(), ..NewAccount::default() });
    server
}

fn payload(lifetime: u64) -> Value {
    json!({"id": 1, "username": "john_doe", "iat": START, "exp": START + lifetime})
}

// D2
#[test]
fn a_legacy_refresh_token_is_rejected_after_sign_out() {
    let server = server();
    let old = node_sign(&payload(86_400), REFRESH_SECRET);
    assert_eq!(server.post("/logout", &json!({"refreshToken": old})).status, 204);
    assert_eq!(server.refresh(&old).status, 403);
}

#[test]
fn a_legacy_refresh_token_is_accepted_once() {
    let server = server();
    let old = node_sign(&payload(86_400), REFRESH_SECRET);
    let reply = server.refresh(&old);
    assert_eq!(reply.status, 200, "{reply:?}");
    let pair = Tokens::of_tutorial(&reply);
    assert!(pair.refresh.starts_with("csr_"));
    assert_eq!(server.get_as("/protectedRoute", &pair.access).json()["user"]["sub"], "1");
    assert_eq!(server.refresh(&pair.refresh).status, 200);
    assert_eq!(server.refresh(&old).status, 403, "the second use is rejected");
    let server = server.restart(|config| {
        config.legacy.refresh_secret = Some(Secret::new(REFRESH_SECRET.to_owned()));
        config.legacy.accept_until = Some("2027-01-22".parse::<Date>().unwrap());
    });
    assert_eq!(server.refresh(&old).status, 403, "also after a restart");
}

#[test]
fn sixty_four_concurrent_uses_of_a_legacy_token_open_one_session() {
    let server = server();
    let old = node_sign(&payload(86_400), REFRESH_SECRET);
    let calls = (0..64).map(|_| {
        let (routes, body) = (server.routes.clone(), json!({"refreshToken": old}));
        server.runtime.spawn(async move { routes.call(Call::post("/refreshToken").json(&body)).await.status })
    });
    let calls: Vec<_> = calls.collect();
    let opened = calls.into_iter().map(|call| server.runtime.block_on(call).unwrap());
    assert_eq!(opened.filter(|status| *status == 200).count(), 1);
}

#[test]
fn legacy_tokens_are_rejected_after_the_configured_date() {
    let server = server();
    let refresh = node_sign(&payload(30 * 86_400), REFRESH_SECRET);
    let access = node_sign(&payload(30 * 86_400), ACCESS_SECRET);
    assert_eq!(server.get_as("/protectedRoute", &access).status, 200);
    server.wait_seconds(7 * 86_400);
    assert_eq!(server.refresh(&refresh).status, 403);
    assert_eq!(server.get_as("/protectedRoute", &access).status, 403);
}

#[test]
fn a_legacy_access_token_is_accepted_until_it_expires() {
    let server = server();
    let access = node_sign(&payload(900), ACCESS_SECRET);
    let reply = server.get_as("/protectedRoute", &access);
    assert_eq!((reply.status.as_u16(), &reply.json()["user"]["id"]), (200, &json!(1)));
    server.wait_seconds(905);
    assert_eq!(server.get_as("/protectedRoute", &access).status, 403);
}

#[test]
fn a_legacy_token_with_a_wrong_secret_or_user_or_no_expiry_is_rejected() {
    let server = server();
    let without_expiry = json!({"id": 1, "iat": START});
    let unknown_user = json!({"id": 2, "iat": START, "exp": START + 900});
    for token in [
        node_sign(&payload(900), "another secret"),
        node_sign(&payload(900), ACCESS_SECRET),
        node_sign(&unknown_user, REFRESH_SECRET),
        node_sign(&without_expiry, REFRESH_SECRET),
    ] {
        assert_eq!(server.refresh(&token).status, 403);
    }
    let by_default = Harness::new();
    assert_eq!(by_default.refresh(&node_sign(&payload(900), REFRESH_SECRET)).status, 403);
}

// D4, D5
#[test]
fn a_legacy_token_is_rejected_after_its_users_sessions_are_revoked() {
    let server = server();
    let old = node_sign(&payload(86_400), REFRESH_SECRET);
    let pair = Tokens::of_tutorial(&server.refresh(&node_sign(&payload(80_000), REFRESH_SECRET)));
    let revoked = server.delete_as("/v1/sessions", &pair.access);
    assert_eq!(revoked.status, 200);
    assert_eq!(server.refresh(&old).status, 403);
}

// C3
#[test]
fn an_access_token_is_never_accepted_as_a_legacy_refresh_token() {
    use countersign::config::Config;
    let server = server();
    let own = json!({"id": 1, "iat": START, "exp": START + 900, "iss": crate::harness::ISSUER, "sid": "x"});
    assert_eq!(server.refresh(&node_sign(&own, REFRESH_SECRET)).status, 403);
    let mut config = Config::default();
    config.legacy.refresh_secret = Some(Secret::new("the same secret".to_owned()));
    config.legacy.access_secret = config.legacy.refresh_secret.clone();
    config.legacy.accept_until = Some("2027-01-22".parse::<Date>().unwrap());
    assert_eq!(config.check().unwrap_err().key, "legacy.refresh_secret");
}

/// John's legacy refresh token, issued some seconds after [`START`].
fn issued(seconds: u64) -> String {
    let payload = json!({"id": 1, "username": "john_doe", "iat": START + seconds, "exp": START + 86_400});
    node_sign(&payload, REFRESH_SECRET)
}

/// Sends a request as an administrator, which must succeed.
fn send_as_admin(server: &Harness, admin: &str, call: Call) -> Reply {
    let reply = server.request(call.bearer(admin));
    assert!(reply.status.is_success(), "{reply:?}");
    reply
}

/// Resets John's password. Returns the temporary password.
fn reset_password(server: &Harness, admin: &str) -> Value {
    let reply = send_as_admin(server, admin, Call::post("/v1/admin/users/1/password").json(&json!({})));
    reply.json()["temporary_password"].clone()
}

#[test]
fn a_temporary_password_before_the_first_sign_in_keeps_legacy_tokens_valid() {
    let server = server();
    let admin = server.administrator();
    server.wait_seconds(10);
    // Twice, as when the user did not receive the first one.
    for _ in 0..2 {
        reset_password(&server, &admin);
    }
    assert_eq!(server.refresh(&issued(0)).status, 200, "the phone");
    let temporary = reset_password(&server, &admin);
    let sign_in =
        json!({"username": "john_doe", "password": temporary, "newPassword": "hgwq trnb xkcd zpvm"});
    assert_eq!(server.post("/getTokens", &sign_in).status, 200, "the computer");
    assert_eq!(server.refresh(&issued(1)).status, 200, "the tablet");
}

// D4, D5
#[test]
fn a_sign_out_everywhere_revokes_earlier_legacy_tokens_but_not_later_ones() {
    type SignOut = fn(&Harness, &str);
    let sign_outs: [(&str, SignOut); 3] = [
        ("revoke", |server, admin| {
            send_as_admin(server, admin, Call::new(Method::DELETE, "/v1/admin/sessions?user=1"));
        }),
        ("disable and enable", |server, admin| {
            for disabled in [true, false] {
                let patch = Call::new(Method::PATCH, "/v1/admin/users/1");
                send_as_admin(server, admin, patch.json(&json!({"disabled": disabled})));
            }
        }),
        ("the user changes the password", |server, _| {
            let access = server.sign_in("john_doe").access;
            let body = json!({"current_password": PASSWORD, "new_password": "hgwq trnb xkcd zpvm"});
            assert_eq!(server.post_as("/v1/users/me/password", &access, &body).status, 204);
        }),
    ];
    for (name, sign_out) in sign_outs {
        let server = server();
        let admin = server.administrator();
        server.wait_seconds(10);
        sign_out(&server, &admin);
        assert_eq!(server.refresh(&issued(9)).status, 403, "{name}");
        assert_eq!(
            server.refresh(&issued(10)).status,
            403,
            "{name}: in the same second, so possibly before it"
        );
        let untimed = json!({"id": 1, "exp": START + 86_400});
        assert_eq!(
            server.refresh(&node_sign(&untimed, REFRESH_SECRET)).status,
            403,
            "{name}: without an issue time"
        );
        server.wait_seconds(5);
        assert_eq!(server.refresh(&issued(11)).status, 200, "{name}: issued later by the old server");
    }
}

#[test]
fn the_claim_that_names_the_user_of_a_legacy_token_is_configurable() {
    for (claim, id) in [("userId", json!(1)), ("_id", json!("1")), ("sub", json!("1"))] {
        let server = Harness::with(|config| {
            config.legacy.refresh_secret = Some(Secret::new(REFRESH_SECRET.to_owned()));
            config.legacy.user_id_claim = claim.to_owned();
            config.legacy.accept_until = Some("2027-01-22".parse::<Date>().unwrap());
        });
        let one = Some("1".parse().unwrap());
        server.add(NewAccount { id: one, username: "john_doe".to_owned(), ..NewAccount::default() });
        let token = json!({claim: id, "iss": "the old app", "iat": START, "exp": START + 900});
        assert_eq!(server.refresh(&node_sign(&token, REFRESH_SECRET)).status, 200, "{claim}");
        let token = json!({"id": 1, "iat": START, "exp": START + 900});
        assert_eq!(server.refresh(&node_sign(&token, REFRESH_SECRET)).status, 403, "{claim}");
    }
}
