//! The server process: start, health, metrics, time limits, TLS and shutdown.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign_core::{ServerKeys, Timestamp, testing};
use serde_json::json;

use crate::harness::Harness;
use crate::process::{Process, TIME_LIMIT, command, eventually, read_reply};

#[test]
fn development_prints_the_password_once_and_the_tutorials_ready_line() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let last = server.stdout.lines().last().unwrap();
    assert_eq!(last, format!("Server is running on port {}", server.port));
    let password = std::fs::read_to_string(directory.path().join("data/dev-password")).unwrap();
    assert!(server.stdout.contains(password.trim()));
    drop(server);
    let again = Process::dev(directory.path());
    assert!(!again.stdout.contains(password.trim()), "only the first start prints it");
    let body = json!({"username": "john_doe", "password": password.trim()});
    assert_eq!(again.post("/getTokens", &body).0, 200);
    assert_eq!(again.post("/getTokens", &json!({})).0, 200);
    let form =
        "POST /getTokens HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 3\r\n\r\na=b";
    assert_eq!(again.send(form).0, 401, "only an empty body signs in the demo user");
}

#[test]
fn development_mode_listens_only_on_loopback() {
    let directory = tempfile::tempdir().unwrap();
    let mut serve = command(directory.path());
    serve.args(["serve", "--dev", "--listen", "192.0.2.1:0"]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("loopback"), "{refused}");
    let mut serve = command(directory.path());
    serve.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "192.0.2.1:0"]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("loopback"), "{refused}");
    let from_platform = Process::dev_with(directory.path(), |command| {
        command.env("PORT", "1");
    });
    assert_eq!(from_platform.get("/livez").0, 200);
}

#[test]
fn development_on_a_port_that_is_taken_leaves_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = command(directory.path());
    serve.args(["serve", "--dev", "--listen", &taken.local_addr().unwrap().to_string()]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("cannot listen on"), "{refused}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

fn another_master_key() -> String {
    ServerKeys::generate(&testing::world(Timestamp::from_seconds(1), 9)).expose().clone()
}

#[test]
fn start_errors_for_a_missing_issuer_or_master_key_recommend_init() {
    let directory = tempfile::tempdir().unwrap();
    let start = |issuer: Option<&str>| {
        let mut serve = command(directory.path());
        serve.arg("serve");
        serve.envs(issuer.map(|issuer| ("COUNTERSIGN_ISSUER", issuer)));
        Process::try_start(serve).err().unwrap()
    };
    let without_key = start(Some("https://id.example.com"));
    assert!(without_key.contains("master key") && without_key.contains("countersign init"), "{without_key}");
    std::fs::write(directory.path().join("data/master-key"), another_master_key()).unwrap();
    let without_issuer = start(None);
    assert!(
        without_issuer.contains("issuer") && without_issuer.contains("countersign init"),
        "{without_issuer}"
    );
}

#[test]
fn health_routes_are_on_both_listeners_and_metrics_on_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::dev(directory.path());
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(server.get(path).0, 200, "{path}");
    }
    assert_eq!(server.get("/metrics").0, 404);
    let main = std::mem::replace(&mut server.port, 0);
    server.port = server.management_port();
    let (status, metrics) = server.get("/metrics");
    assert_eq!(status, 200);
    for outcome in countersign::services::metrics::RefreshOutcome::ALL {
        let line = format!("countersign_refresh_total{{outcome=\"{}\"}} 0", outcome.as_str());
        assert!(metrics.contains(&line), "{line}");
    }
    assert_eq!(server.get("/readyz").0, 200);
    assert_eq!(server.get("/getTokens").0, 404);
    server.port = main;
}

#[test]
fn metrics_are_labelled_with_routes_and_never_with_paths() {
    let server = Harness::new();
    server.get("/v1/sessions/csr_secret-in-a-path");
    server.get("/secret-in-a-path");
    let metrics = server.metrics();
    assert!(metrics.contains(r#"http_route="/v1/sessions/{id}""#) && metrics.contains(r#"http_route="-""#));
    assert!(!metrics.contains("secret-in-a-path"), "{metrics}");
    for name in ["countersign_sessions_opened_total", "countersign_build_info"] {
        assert!(metrics.contains(name), "{name}");
    }
}

// G6
#[test]
fn a_client_that_never_finishes_its_headers_is_disconnected() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_LIMITS__HEADER_TIME", "1s");
    });
    for start in ["", "POST /getTokens HTTP/1.1\r\nhost: localhost\r\n"] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        stream.write_all(start.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // The server closes the connection, with or without a response. A time-out would be an error here.
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    assert_eq!(server.get("/livez").0, 200);
}

// G6
#[test]
fn a_client_that_never_finishes_its_body_gets_408() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_LIMITS__REQUEST_TIME", "1s");
    });
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let head = "POST /getTokens HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    let (status, body) = read_reply(&mut stream).unwrap();
    assert_eq!((status, body.as_str()), (408, r#"{"message":"The request took too long."}"#));
}

// G6
#[test]
fn a_client_that_never_reads_its_responses_is_disconnected() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_LIMITS__REQUEST_TIME", "1s");
    });
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Sends more requests than the responses that fit into the buffers of both sides.
    let is_disconnected = eventually(|| {
        for _ in 0..200 {
            match stream.write(request) {
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return true,
                _ => {}
            }
        }
        false
    });
    assert!(is_disconnected);
    assert_eq!(server.get("/livez").0, 200);
}

/// A server with a self-signed certificate.
pub(crate) fn with_tls(directory: &Path) -> Process {
    certificate(directory, "trusted.pem");
    Process::dev_with(directory, |command| {
        command.env("COUNTERSIGN_TLS__CERTIFICATE", "tls.pem").env("COUNTERSIGN_TLS__KEY", "tls.key");
    })
}

#[test]
fn a_request_needs_one_host_header_and_in_development_a_local_one() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let with =
        |hosts: &str| server.send(&format!("POST /getTokens HTTP/1.1\r\n{hosts}connection: close\r\n\r\n")).0;
    assert_eq!(with("host: localhost\r\n"), 200);
    assert_eq!(with("host: 127.0.0.1:3000\r\n"), 200);
    assert_eq!(with("host: [::1]:3000\r\n"), 200);
    assert_eq!(with(""), 400);
    assert_eq!(with("host: localhost\r\nhost: localhost\r\n"), 400);
    assert_eq!(
        with("host: evil.example\r\n"),
        421,
        "DNS rebinding: a foreign name that resolves to this host"
    );
}

#[test]
fn a_stopping_server_completes_requests_in_progress() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let body = r#"{"refreshToken":"x"}"#;
    let head = format!(
        "POST /refreshToken HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..5]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    server.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(server.address()).is_err(), "it accepts no new connections");
    stream.write_all(&body.as_bytes()[5..]).unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().0, 403);
    let (code, log) = server.stop();
    assert_eq!(code, 0, "{log}");
}

fn certificate(directory: &Path, name: &str) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("tls.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let trusted = directory.join(name);
    std::fs::write(&trusted, made.cert.pem()).unwrap();
    trusted.display().to_string()
}

fn curl(port: u16, trusted: &str) -> bool {
    let url = format!("https://localhost:{port}/livez");
    let arguments = ["--silent", "--fail", "--cacert", trusted, &url];
    Command::new("curl").args(arguments).output().unwrap().status.success()
}

#[test]
fn tls_certificates_are_read_from_files_and_again_on_sighup() {
    let directory = tempfile::tempdir().unwrap();
    let first = certificate(directory.path(), "first.pem");
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_TLS__CERTIFICATE", "tls.pem").env("COUNTERSIGN_TLS__KEY", "tls.key");
    });
    assert!(curl(server.port, &first));
    let second = certificate(directory.path(), "second.pem");
    assert!(!curl(server.port, &second), "the server has not read the new certificate yet");
    server.signal("-HUP");
    assert!(eventually(|| curl(server.port, &second)), "{}", server.log.lock().unwrap());
    std::fs::write(directory.path().join("tls.key"), "broken").unwrap();
    server.signal("-HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(curl(server.port, &second), "a broken file leaves the old certificate in use");
}

#[test]
fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let mut serve = command(directory.path());
    serve.args(["serve", "--dev", "--listen", &server.address(), "--management-listen", "127.0.0.1:0"]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("cannot listen") && refused.contains("choose another `listen`"), "{refused}");
}

#[test]
fn a_wrong_or_missing_master_key_is_explained_at_startup() {
    let directory = tempfile::tempdir().unwrap();
    drop(Process::dev(directory.path()));
    std::fs::write(directory.path().join("data/master-key"), another_master_key()).unwrap();
    let mut serve = command(directory.path());
    serve.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("was encrypted under another master key"), "{refused}");
    let mut serve = command(directory.path());
    std::fs::remove_file(directory.path().join("data/master-key")).unwrap();
    serve.args(["serve", "--dev", "--listen", "127.0.0.1:0"]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("is missing"), "{refused}");
}
