//! Log lines: each rejected request and each administrative change is logged with the reason, the user and
//! the request id.

use std::process::Command;

use serde_json::{Value, json};

use crate::process::{self, Process};

/// Runs `act` with a server that logs JSON at the default level. Returns the lines of the log.
fn log_of(act: impl FnOnce(&Process, &std::path::Path)) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command: &mut Command| {
        command.args(["--log-format", "json"]);
    });
    act(&server, directory.path());
    lines(&server.stop().1)
}

fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only line with this message and this value of a field. Fails unless exactly one line matches.
fn only<'a>(log: &'a [Value], message: &str, field: &str, value: &str) -> &'a Value {
    let found: Vec<_> =
        log.iter().filter(|line| line["message"] == message && line[field] == value).collect();
    assert_eq!(found.len(), 1, "{message} {field}={value}: {log:#?}");
    found[0]
}

fn in_a_request(line: &Value) -> bool {
    line["span"]["request_id"].is_string()
}

fn get(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    )
}

fn pair(server: &Process, path: &str, body: &Value) -> Value {
    serde_json::from_str(&server.post(path, body).1).unwrap()
}

// G2
#[test]
fn the_log_says_why_each_refresh_token_was_rejected() {
    let log = log_of(|server, _| {
        let tokens = pair(server, "/getTokens", &json!({}));
        let refresh = json!({"refreshToken": tokens["refreshToken"]});
        assert_eq!(server.post("/logout", &refresh).0, 204);
        assert_eq!(server.post("/refreshToken", &refresh).0, 403);
        assert_eq!(server.post("/refreshToken", &json!({"refreshToken": "made up"})).0, 403);
        assert_eq!(server.post("/v1/sessions/refresh", &json!({"refresh_token": "made up"})).0, 401);
        assert_eq!(server.post("/logout", &refresh).0, 204);
    });
    let ended = only(&log, "a refresh was refused", "outcome", "ended");
    assert_eq!((&ended["ended"], &ended["user"]), (&json!("signed_out"), &json!("1")));
    assert!(ended["session"].is_string() && in_a_request(ended));
    let not_ours =
        |line: &&Value| line["message"] == "a refresh was refused" && line["outcome"] == "not_ours";
    assert_eq!(log.iter().filter(not_ours).filter(|line| in_a_request(line)).count(), 2);
    assert!(in_a_request(only(&log, "a token revoked no session", "reason", "ended_before")));
}

// G2
#[test]
fn the_log_says_why_each_sign_in_and_access_token_was_rejected() {
    let log = log_of(|server, _| {
        let sign_in = |name: &str| json!({"username": name, "password": "wrong"});
        assert_eq!(server.post("/getTokens", &sign_in("john_doe")).0, 403);
        assert_eq!(server.post("/v1/sessions", &sign_in("nobody")).0, 401);
        let tokens = pair(server, "/getTokens", &json!({}));
        let access = tokens["accessToken"].as_str().unwrap();
        assert_eq!(server.send(&get("/v1/users/me", "made up")).0, 401);
        assert_eq!(server.send(&get("/protectedRoute", "made.up.too")).0, 403);
        assert_eq!(server.send(&get("/v1/admin/users", access)).0, 403);
        server.post("/logout", &json!({"refreshToken": tokens["refreshToken"]}));
        assert_eq!(server.send(&get("/v1/users/me", access)).0, 401);
    });
    let sign_in = "sign-in attempt";
    assert_eq!(only(&log, sign_in, "reason", "wrong_password")["user"], "1");
    assert!(only(&log, sign_in, "reason", "no_such_user")["user"].is_null());
    let refused = "an access token was refused";
    for reason in ["scope_missing", "signed_out"] {
        let line = only(&log, refused, "reason", reason);
        assert!(line["session"].is_string() && line["user"] == "1" && in_a_request(line), "{line}");
    }
    let all: Vec<_> = log.iter().filter(|line| line["message"] == refused).collect();
    assert_eq!(all.len(), 4, "one line each: {all:#?}");
    let request = only(&log, "request handled", "code", "invalid_credentials");
    assert_eq!((&request["status"], &request["route"]), (&json!(401), &json!("/v1/sessions")));
}

// G2
#[test]
fn the_log_says_who_made_each_administrative_change() {
    let log = log_of(|server, at| {
        let run = |arguments: &[&str]| {
            let ran = process::command(at).args(["--log-format", "json"]).args(arguments).output().unwrap();
            assert!(ran.status.success(), "{ran:?}");
            let log = String::from_utf8(ran.stderr).unwrap();
            lines(&log.lines().filter(|line| line.starts_with('{')).collect::<Vec<_>>().join("\n"))
        };
        let by_command = |log: &[Value], message: &str, field: &str, value: &str| {
            let line = only(log, message, field, value);
            assert_eq!(line["span"]["caller"], "the command line", "{line}");
        };
        by_command(&run(&["user", "disable", "john_doe"]), "an account was changed", "changes", "disabled");
        by_command(&run(&["user", "enable", "john_doe"]), "an account was changed", "changes", "enabled");
        let revoked = run(&["session", "revoke", "--all"]);
        by_command(&revoked, "sessions were revoked", "reason", "ended_by_admin");
        let added = run(&["client", "add", "shop", "--authentication", "none"]);
        by_command(&added, "a client was registered", "client", "shop");
        by_command(&run(&["client", "remove", "shop"]), "a client was removed", "client", "shop");
        let tokens = pair(server, "/getTokens", &json!({}));
        let access = tokens["accessToken"].as_str().unwrap();
        let revoke = get("/v1/sessions", access).replacen("GET", "DELETE", 1);
        assert_eq!(server.send(&revoke).0, 200);
    });
    let ended = only(&log, "sessions were revoked", "reason", "ended_by_user");
    assert_eq!(ended["span"]["caller"], "1");
}
