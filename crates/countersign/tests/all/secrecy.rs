//! Secrets stay out of the log, the metrics and error texts. These tests send known secrets (canaries)
//! through a server process that logs at level `trace`, and search its output for them.

use std::process::Command;

use serde_json::{Value, json};

use crate::process::{Process, command};

const PASSWORD: &str = "canary-password-vbzq-mwtx";
const WRONG: &str = "canary-wrong-password-krfj";

fn text(body: &str, name: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()[name].as_str().unwrap().to_owned()
}

/// Sends every kind of request. Returns all secrets that these requests and their responses contained.
fn send_all_requests(server: &Process) -> Vec<String> {
    let mut canaries = vec![PASSWORD.to_owned(), WRONG.to_owned()];
    let (_, signed_in) = server.post("/v1/sessions", &json!({"username": "jane", "password": PASSWORD}));
    let (access, refresh) = (text(&signed_in, "access_token"), text(&signed_in, "refresh_token"));
    let (_, refreshed) = server.post("/refreshToken", &json!({"refreshToken": refresh}));
    let next = text(&refreshed, "refreshToken");
    canaries.extend([access.clone(), refresh.clone(), next.clone(), text(&refreshed, "accessToken")]);
    server.post("/getTokens", &json!({"username": "jane", "password": WRONG}));
    server.post("/getTokens", &json!({"username": "jane", "password": [WRONG]}));
    server.post("/refreshToken", &json!({"refreshToken": refresh}));
    server.post("/refreshToken", &json!({"refreshToken": format!("{next}x")}));
    let with = |head: &str| {
        server.send(&format!("{head}\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    };
    with(&format!("GET /protectedRoute HTTP/1.1\r\nauthorization: {access}"));
    with(&format!("GET /v1/sessions?access_token={access} HTTP/1.1\r\nauthorization: Bearer {access}"));
    with(&format!("GET /{next} HTTP/1.1\r\nauthorization: Bearer {access}x"));
    with(&format!(
        "POST /v1/sessions/refresh HTTP/1.1\r\ncontent-length: 0\r\ncookie: __Host-countersign={next}"
    ));
    with(&format!("DELETE /v1/sessions/{next} HTTP/1.1\r\nauthorization: Bearer {access}"));
    server.post("/logout", &json!({"refreshToken": next}));
    server.post("/v1/users", &json!({"username": "john", "password": PASSWORD}));
    canaries
}

fn start_with_trace_log(directory: &std::path::Path, format: &str) -> Process {
    Process::dev_with(directory, |command: &mut Command| {
        command.args(["--log-format", format]).env("COUNTERSIGN_LOG__FILTER", "trace");
    })
}

fn add_jane(directory: &std::path::Path) {
    use std::io::Write;
    let mut add = command(directory);
    add.args(["user", "add", "jane", "--password-stdin"]).stdin(std::process::Stdio::piped());
    let mut child = add.spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

// G1, B10
#[test]
fn no_secret_is_in_the_log_or_the_metrics() {
    for format in ["human", "json"] {
        let directory = tempfile::tempdir().unwrap();
        let mut server = start_with_trace_log(directory.path(), format);
        add_jane(directory.path());
        let mut canaries = send_all_requests(&server);
        for file in ["master-key", "dev-password"] {
            let text = std::fs::read_to_string(directory.path().join("data").join(file)).unwrap();
            canaries.push(text.trim().to_owned());
        }
        if format == "human" {
            let main = std::mem::replace(&mut server.port, 0);
            server.port = server.management_port();
            let metrics = server.get("/metrics").1;
            assert!(
                metrics.contains("countersign_") && !canaries.iter().any(|canary| metrics.contains(canary))
            );
            server.port = main;
        }
        let (code, log) = server.stop();
        assert_eq!(code, 0);
        assert!(log.contains("request handled") && log.lines().count() > 20, "{log}");
        for canary in &canaries {
            for part in [canary.as_str(), &canary[..canary.len() / 2], &canary[canary.len() / 2..]] {
                let line = log.lines().find(|line| line.contains(part));
                assert!(line.is_none(), "{format}: {line:?}");
            }
        }
    }
}

// G2
#[test]
fn a_client_cannot_inject_lines_into_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let server = start_with_trace_log(directory.path(), "json");
    let forged = "jane\r\n{\"level\":\"INFO\",\"forged\":true}\u{1b}[31m";
    server.post("/getTokens", &json!({"username": forged, "password": "x"}));
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nuser-agent: a\u{1b}[31mb\"}\r\n\
                   x-request-id: a\"b\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    server.try_send(request);
    let trace = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-request-id: known-id\r\n\
                 traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    server.send(trace);
    let (_, log) = server.stop();
    let mut answered = 0;
    for line in log.lines() {
        let event: Value = serde_json::from_str(line)
            .unwrap_or_else(|_| panic!("not one JSON object on the line: {line:?}"));
        assert!(event.get("forged").is_none());
        assert!(!line.contains('\u{1b}'));
        if event["span"]["request_id"] == "known-id" && event["message"] == "request handled" {
            answered += 1;
            assert_eq!(event["span"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
            assert_eq!((&event["method"], &event["status"]), (&json!("GET"), &json!(200)));
        }
    }
    assert_eq!(answered, 1);
}

// G2
#[test]
fn the_log_has_the_user_time_address_and_outcome_of_each_sign_in() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command: &mut Command| {
        command.args(["--log-format", "json"]);
    });
    server.post("/getTokens", &json!({}));
    server.post("/getTokens", &json!({"username": "john_doe", "password": "wrong"}));
    let (_, log) = server.stop();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sign_ins: Vec<_> = events.iter().filter(|event| event["message"] == "sign-in attempt").collect();
    assert_eq!(sign_ins.len(), 2);
    assert_eq!((&sign_ins[0]["outcome"], &sign_ins[0]["user"]), (&json!("signed_in"), &json!("1")));
    assert_eq!((&sign_ins[1]["outcome"], &sign_ins[1]["address"]), (&json!("refused"), &json!("127.0.0.1")));
    assert!(sign_ins[0]["timestamp"].is_string() && sign_ins[0]["span"]["request_id"].is_string());
}

// G1
#[test]
fn a_password_in_the_stores_url_is_in_no_output() {
    const CANARY: &str = "canary-url-password";
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(
        at.join("key"),
        countersign_core::ServerKeys::generate(&countersign_core::testing::world(
            countersign_core::Timestamp::from_seconds(1),
            3,
        ))
        .expose(),
    )
    .unwrap();
    let urls = [
        format!("postgres://jane:{CANARY}@db.example/app"),
        format!("postgres:jane:{CANARY}@db.example"),
        format!("postgres://db.example/app?password={CANARY}"),
        format!("jane:{CANARY}@db.example"),
        format!("sqlite://jane:{CANARY}@host/a.db"),
        format!("postgres://db.example/app#{CANARY}"),
        format!("host=db.example password={CANARY}"),
        CANARY.to_owned(),
    ];
    let commands: [&[&str]; 12] = [
        &["config", "dump"],
        &["config", "dump", "--json"],
        &["config", "check"],
        &["serve"],
        &["serve", "--dev"],
        &["migrate"],
        &["backup", "copy.db"],
        &["restore", "copy.db"],
        &["doctor"],
        &["user", "list"],
        &["session", "list"],
        &["key", "list"],
    ];
    for url in &urls {
        for variable in ["DATABASE_URL", "COUNTERSIGN_STORE__URL"] {
            for arguments in commands {
                let mut command = command(at);
                command.args(arguments).env(variable, url).env("COUNTERSIGN_MASTER_KEY_FILE", "key");
                command.env("COUNTERSIGN_ISSUER", "https://id.example.com").env("RUST_LOG", "trace");
                let output = command.output().unwrap();
                let printed = [output.stdout, output.stderr].concat();
                let printed = String::from_utf8_lossy(&printed);
                assert!(!printed.contains(CANARY), "{arguments:?} {url}: {printed}");
            }
        }
    }
}

// G1
#[test]
fn a_password_in_the_url_of_a_command_is_in_no_error() {
    const CANARY: &str = "canary-url-password";
    // It has the form of a token, so that the command fetches the key set.
    const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.e30.AA";
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        vec![
            "token".to_owned(),
            "verify".to_owned(),
            TOKEN.to_owned(),
            "--jwks".to_owned(),
            format!("http://jane:{CANARY}@127.0.0.1:1/keys"),
        ],
        vec![
            "token".to_owned(),
            "verify".to_owned(),
            TOKEN.to_owned(),
            "--jwks".to_owned(),
            format!("https://127.0.0.1:1/keys?key={CANARY}"),
        ],
        vec!["bench".to_owned(), "--url".to_owned(), format!("http://jane:{CANARY}@127.0.0.1:1")],
        vec!["bench".to_owned(), "--url".to_owned(), format!("https://jane:{CANARY}@127.0.0.1:1")],
    ] {
        let output = command(directory.path()).args(&arguments).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && !printed.is_empty(), "{arguments:?}");
        assert!(!printed.contains(CANARY), "{arguments:?}: {printed}");
    }
}

// G1
#[test]
fn a_secret_in_an_invalid_configuration_file_is_in_no_error() {
    const CANARY: &str = "canary-in-a-file";
    let directory = tempfile::tempdir().unwrap();
    for text in [
        format!("master_key = \"{CANARY}\nissuer = 1"),
        format!("master_key = {CANARY}"),
        format!("[store]\nurl = \"postgres://jane:{CANARY}@db\" x"),
        format!("[legacy]\nrefresh_secret = [\"{CANARY}\"]"),
        format!("[access_token.secret]\n{CANARY} = 1"),
        format!("master_key = \"{CANARY}\""),
        format!("[access_token]\nsecret = \"{CANARY}\""),
    ] {
        std::fs::write(directory.path().join("c.toml"), &text).unwrap();
        let mut check = command(directory.path());
        let output = check.args(["--config", "c.toml", "config", "check"]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{text}");
        // The error may name an unknown configuration key, and in one case the canary is such a key.
        assert!(!printed.contains(CANARY) || text.contains("[access_token.secret]"), "{text}: {printed}");
    }
}
