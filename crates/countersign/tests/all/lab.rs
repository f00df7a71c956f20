//! The lab: it exists only in development mode, and can only access its own sessions and clients.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, Reply, Tokens};
use crate::process::{Process, eventually};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab");

fn local(method: Method, path: &str) -> Call {
    Call::new(method, path).header("host", "localhost")
}

fn get(server: &Harness, path: &str) -> Reply {
    server.request(local(Method::GET, path))
}

fn post(server: &Harness, path: &str, body: &Value) -> Reply {
    server.request(local(Method::POST, path).json(body))
}

fn open(server: &Harness) -> Reply {
    server.request(local(Method::POST, "/v1/lab/sessions"))
}

fn refresh(server: &Harness, token: &str) -> Reply {
    post(server, "/v1/sessions/refresh", &json!({"refresh_token": token, "client_id": "lab"}))
}

/// The paths of all files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_lab_exists_only_in_development() {
    let server = Harness::new();
    server.add_user("john_doe");
    for path in ["/", "/lab/index.html", "/v1/lab", "/v1/lab/events"] {
        let unknown = server.get(&format!("{path}nothing"));
        assert_eq!(
            (server.get(path).status, server.get(path).text),
            (unknown.status, unknown.text),
            "{path}"
        );
    }
    for path in ["/v1/lab/sessions", "/v1/lab/keys/rotate", "/v1/lab/restart"] {
        assert_eq!(server.request(Call::post(path)).status, 404, "{path}");
    }
    let by_name =
        server.request(Call::post("/oauth2/introspect").basic("lab-api", "csc_x").form(&[("token", "x")]));
    assert_eq!(by_name.status, 401);
}

// A12, A18, D11
#[test]
fn the_lab_page_loads_nothing_from_other_hosts_and_cannot_be_framed() {
    let server = Harness::in_development(|_| {});
    let page = get(&server, "/");
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let files = files(Path::new(FILES));
    assert!(!files.is_empty());
    for file in files {
        let path = format!("/lab/{}", file.strip_prefix(FILES).unwrap().display());
        let reply = get(&server, &path);
        assert_eq!(reply.status, 200, "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        for loads in [
            "src=\"http",
            "src=\"//",
            "<link rel=\"stylesheet\" href=\"http",
            "@import",
            ": url(",
            "<script>",
            "<style",
            "style=\"",
        ] {
            assert!(!reply.text.contains(loads), "{path}: {loads}");
        }
    }
    for missing in
        ["/lab/", "/lab/nothing.js", "/lab/../Cargo.toml", "/lab/%2e%2e/Cargo.toml", "/lab/experiments"]
    {
        assert_eq!(get(&server, missing).status, 404, "{missing}");
    }
}

#[test]
fn only_the_labs_sessions_have_the_labs_shorter_lifetimes() {
    let server = Harness::in_development(|_| {});
    let reply = open(&server);
    assert_eq!((reply.status.as_u16(), &reply.json()["expires_in"]), (201, &json!(30)), "{reply:?}");
    let first = Tokens::of_first_party(&reply);
    let protected =
        |access: &str| server.request(local(Method::GET, "/protectedRoute").bearer(access)).status.as_u16();
    assert_eq!(protected(&first.access), 200);
    server.wait_seconds(30);
    assert_eq!(protected(&first.access), 403, "the lifetime has no jitter");
    let second = Tokens::of_first_party(&refresh(&server, &first.refresh));
    assert_eq!(protected(&second.access), 200);
    server.wait_seconds(10);
    assert_eq!(
        Tokens::of_first_party(&refresh(&server, &first.refresh)).refresh,
        second.refresh,
        "in the grace period"
    );
    server.wait_seconds(1);
    assert_eq!(refresh(&server, &first.refresh).status, 401);
    let settings = get(&server, "/v1/lab").json();
    assert_eq!((&settings["access_token_lifetime"], &settings["grace"]), (&json!(30), &json!(10)));
    assert_eq!(post(&server, "/getTokens", &json!({})).json()["expiresIn"], 900);
    // Another client cannot use the lab's token, as on every server.
    let lab = Tokens::of_first_party(&open(&server));
    assert_eq!(post(&server, "/v1/sessions/refresh", &json!({"refresh_token": lab.refresh})).status, 401);
}

#[test]
fn the_lab_keeps_stricter_lifetimes_of_the_server() {
    let server = Harness::in_development(|config| {
        config.access_token.lifetime = countersign::config::Lifetime::seconds(5);
        config.refresh_token.grace = countersign::config::Lifetime::seconds(0);
    });
    let settings = get(&server, "/v1/lab").json();
    assert_eq!((&settings["access_token_lifetime"], &settings["grace"]), (&json!(5), &json!(0)));
}

#[test]
fn the_lab_shows_only_its_own_sessions() {
    let server = Harness::in_development(|_| {});
    let other = Tokens::of_tutorial(&post(&server, "/getTokens", &json!({})));
    let own = open(&server).json()["session_id"].as_str().unwrap().to_owned();
    let shown = get(&server, &format!("/v1/lab/sessions/{own}"));
    assert!(shown.json()["story"][0].as_str().unwrap().contains("signed in with client lab"), "{shown:?}");
    let foreign = server.session_of(&other.refresh);
    assert_eq!(get(&server, &format!("/v1/lab/sessions/{foreign}")).status, 404);
    let events = get(&server, "/v1/lab/events");
    assert!(
        events.text.contains(&own),
        "the first event is of a lab session, not of the earlier one: {}",
        events.text
    );
}

// B4
#[test]
fn the_client_ids_of_the_lab_are_reserved() {
    let server = Harness::in_development(|_| {});
    server.add_admin("root");
    let body =
        json!({"username": "root", "password": crate::harness::PASSWORD, "scope": "countersign:admin"});
    let admin = Tokens::of_first_party(&post(&server, "/v1/sessions", &body)).access;
    for id in ["lab", "lab-api"] {
        let opening = local(Method::POST, "/v1/admin/sessions").bearer(&admin);
        let refused = server.request(opening.json(&json!({"subject": "1", "client_id": id})));
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    for id in ["first-party", "lab", "lab-api"] {
        let adding = local(Method::POST, "/v1/admin/users").bearer(&admin);
        let taken = server.request(adding.json(&json!({"username": "jane", "id": id})));
        assert_eq!((taken.status.as_u16(), &taken.json()["code"]), (409, &json!("id_taken")), "{taken:?}");
    }
}

// D10
#[test]
fn pages_of_other_origins_cannot_use_the_lab() {
    let server = Harness::in_development(|_| {});
    for path in ["/v1/lab/sessions", "/v1/lab/keys/rotate", "/v1/lab/restart", "/getTokens"] {
        let foreign = local(Method::POST, path).header("sec-fetch-site", "cross-site");
        assert_eq!(server.request(foreign).status, 403, "{path}");
        let foreign = local(Method::POST, path).header("origin", "https://evil.example");
        assert_eq!(server.request(foreign).status, 403, "{path}");
    }
    let rebound = Call::new(Method::GET, "/v1/lab").header("host", "evil.example");
    assert_eq!(server.request(rebound).status, 421);
    let reply = get(&server, "/v1/lab");
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[test]
fn the_labs_api_client_can_introspect_tokens() {
    let server = Harness::in_development(|_| {});
    let tokens = Tokens::of_first_party(&open(&server));
    let client = get(&server, "/v1/lab").json()["introspection"].clone();
    let introspect = |secret: &str| {
        let call =
            local(Method::POST, "/oauth2/introspect").basic(client["client_id"].as_str().unwrap(), secret);
        server.request(call.form(&[("token", &tokens.access)]))
    };
    let secret = client["client_secret"].as_str().unwrap();
    assert_eq!(introspect(secret).json()["active"], true);
    assert_eq!(introspect("csc_another").status, 401);
    post(&server, "/logout", &json!({"refreshToken": tokens.refresh}));
    assert_eq!(introspect(secret).json(), json!({"active": false}));
    let clients: i64 =
        server.database().query_row("SELECT count(*) FROM clients", [], |row| row.get(0)).unwrap();
    assert_eq!(clients, 0, "the lab's client is only in memory");
}

// C8
#[test]
fn the_lab_rotates_the_signing_key() {
    let server = Harness::in_development(|_| {});
    let before = Tokens::of_first_party(&open(&server));
    let rotated = post(&server, "/v1/lab/keys/rotate", &json!({}));
    let kid = rotated.json()["kid"].as_str().unwrap().to_owned();
    let after = Tokens::of_first_party(&refresh(&server, &before.refresh));
    let header = |token: &str| {
        use base64::Engine as _;
        let part = token.split('.').next().unwrap();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    assert_ne!(header(&before.access)["kid"], kid.as_str());
    assert_eq!(header(&after.access)["kid"], kid.as_str());
    for token in [&before.access, &after.access] {
        assert_eq!(server.request(local(Method::GET, "/protectedRoute").bearer(token)).status, 200);
    }
    for _ in 0..30 {
        assert_eq!(post(&server, "/v1/lab/keys/rotate", &json!({})).status, 200);
    }
    let published = get(&server, "/.well-known/jwks.json").json()["keys"].as_array().unwrap().len();
    assert_eq!(published, 18, "the next, the active and 16 retired keys");
}

#[test]
fn sigterm_during_a_restart_stops_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::dev(directory.path());
    // The restart waits for this incomplete request.
    let mut unfinished = std::net::TcpStream::connect(server.address()).unwrap();
    unfinished
        .write_all(b"POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{")
        .unwrap();
    assert_eq!(server.post("/v1/lab/restart", &json!({})).0, 202);
    assert!(eventually(|| server.log.lock().unwrap().contains("shutting down")));
    server.signal("-TERM");
    drop(unfinished);
    assert!(eventually(|| server.child.try_wait().unwrap().is_some_and(|status| status.success())));
    assert_eq!(server.log.lock().unwrap().matches("the server accepts connections").count(), 1);
}

#[test]
fn a_restart_keeps_the_data_and_the_ports() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let pair: Value = serde_json::from_str(&server.post("/v1/lab/sessions", &json!({})).1).unwrap();
    let revoked: Value = serde_json::from_str(&server.post("/v1/lab/sessions", &json!({})).1).unwrap();
    assert_eq!(server.post("/logout", &json!({"refreshToken": revoked["refresh_token"]})).0, 204);
    let management_port = server.management_port();
    assert_eq!(server.post("/v1/lab/restart", &json!({})).0, 202);
    assert!(eventually(|| server.log.lock().unwrap().matches("the server accepts connections").count() == 2));
    assert!(eventually(|| server
        .try_send("GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .is_some_and(|(status, _)| status == 200)));
    let body = json!({"refresh_token": pair["refresh_token"], "client_id": "lab"});
    assert_eq!(server.post("/v1/sessions/refresh", &body).0, 200);
    let log = server.log.lock().unwrap().clone();
    assert_eq!(log.matches(&format!("management=127.0.0.1:{management_port}")).count(), 2);
    // The revocation before the restart is not sent again: the first event is that of the refresh.
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /v1/lab/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let event = BufReader::new(stream).lines().map(Result::unwrap).find(|line| line.starts_with("event:"));
    assert_eq!(event.unwrap(), "event: rotated");
}
