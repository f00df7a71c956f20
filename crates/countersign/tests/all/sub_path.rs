//! A server whose issuer has a path, such as `https://example.com/auth`.

use std::io::Write;
use std::net::TcpStream;

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD};
use crate::process::{Process, eventually, read_reply};
use crate::proxies::site::{Running, free_port, nginx};

const ISSUER: &str = "https://example.com/auth";

fn server() -> Harness {
    let server = Harness::with(|config| config.issuer = Some(ISSUER.to_owned()));
    server.add_user("jane");
    server
}

#[test]
fn every_url_in_the_metadata_is_served() {
    let server = server();
    let metadata = server.get("/auth/.well-known/openid-configuration").json();
    assert_eq!(metadata["issuer"], ISSUER);
    for (name, address) in metadata
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_uri") || name.ends_with("_endpoint"))
    {
        let path = address.as_str().unwrap().strip_prefix("https://example.com").unwrap();
        assert!(path.starts_with("/auth/"), "{name}");
        let status = server.get(path).status;
        assert!(status == 200 || status == 405, "{name}: {path} returns {status}");
    }
}

/// RFC 8414 §3.1 inserts the well-known part before the path. OpenID Connect Discovery §4 appends it.
#[test]
fn the_metadata_are_served_at_both_well_known_paths() {
    let server = server();
    for path in [
        "/.well-known/oauth-authorization-server/auth",
        "/.well-known/openid-configuration/auth",
        "/auth/.well-known/oauth-authorization-server",
        "/auth/.well-known/openid-configuration",
    ] {
        assert_eq!(server.get(path).json()["issuer"], ISSUER, "{path}");
    }
    assert_eq!(server.get("/.well-known/oauth-authorization-server/other").status, 404);
}

#[test]
fn openapi_names_the_path_and_no_hsts_header_covers_the_whole_host() {
    let server = server();
    let reply = server.get("/auth/openapi.json");
    assert_eq!(reply.json()["servers"][0]["url"], "/auth");
    assert_eq!(reply.header("strict-transport-security"), None);
    assert!(reply.header("content-security-policy").is_some());
}

/// A proxy may remove the path or keep it.
#[test]
fn routes_are_served_with_the_path_and_without_it() {
    let server = server();
    let body = json!({"username": "jane", "password": PASSWORD});
    for path in ["/auth/getTokens", "/getTokens"] {
        assert_eq!(server.post(path, &body).status, 200, "{path}");
    }
    for path in ["/authx/getTokens", "/auth/auth/getTokens", "/AUTH/getTokens"] {
        assert_eq!(server.post(path, &body).status, 404, "{path}");
    }
}

// G6
#[test]
fn a_request_target_with_another_host_is_rejected_under_the_path() {
    let server = server();
    for target in ["http://mallory.example/auth/livez", "http://mallory.example/livez"] {
        assert_eq!(server.request(Call::new(Method::GET, target)).status, 400, "{target}");
    }
    assert_eq!(server.request(Call::new(Method::GET, "http://id.example.com/auth/livez")).status, 200);
}

// D9
#[test]
fn the_cookie_is_limited_to_the_path() {
    let server = server();
    let body = json!({"username": "jane", "password": PASSWORD, "token_mode": "cookie"});
    let reply = server.request(Call::post("/auth/v1/sessions").json(&body));
    let token = reply.cookie("__Secure-countersign").unwrap();
    for line in reply.headers.get_all("set-cookie") {
        let line = line.to_str().unwrap();
        assert!(line.starts_with("__Secure-countersign"), "{line}");
        assert!(line.contains("; Path=/auth; Secure; HttpOnly; SameSite=Strict"), "{line}");
    }
    let call = Call::new(Method::POST, "/auth/v1/sessions/refresh");
    let refreshed = server.request(call.header("cookie", &format!("__Secure-countersign={token}")));
    assert_eq!(refreshed.status, 200);
}

/// The JSON of a 200 response. `None` for any other result.
fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let (status, body) = read_reply(&mut stream)?;
    serde_json::from_str(&body).ok().filter(|_| status == 200)
}

/// One configuration keeps the path; the other removes the issuer's part.
#[test]
fn the_server_works_behind_nginx_at_a_sub_path() {
    for rest in ["", "/"] {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let here = format!("http://localhost:{port}");
        let server = Process::dev_with(directory.path(), |command| {
            command.env("COUNTERSIGN_ISSUER", format!("{here}/auth"));
        });
        let location = format!("location /auth/ {{ proxy_pass http://{}{rest}; }}", server.address());
        let text = format!(
            "events {{}} http {{ access_log off; server {{ listen 127.0.0.1:{port}; {location} }} }}"
        );
        let _nginx = Running(nginx(directory.path(), &text));
        assert!(eventually(|| get(port, "/auth/.well-known/openid-configuration").is_some()), "{rest:?}");
        let metadata = get(port, "/auth/.well-known/openid-configuration").unwrap();
        assert_eq!(metadata["issuer"], format!("{here}/auth"));
        let keys = metadata["jwks_uri"].as_str().unwrap().strip_prefix(&here).unwrap();
        assert!(get(port, keys).is_some(), "{rest:?}");
        assert_eq!(get(port, "/.well-known/jwks.json"), None, "nginx forwards only the path of the issuer");
    }
}
