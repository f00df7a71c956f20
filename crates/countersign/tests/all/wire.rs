//! HTTP on the wire: protocol versions, framing, host names and connection limits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::operations::with_tls;
use crate::process::{Process, TIME_LIMIT, eventually};

/// Sends the bytes. Returns everything that the server sends until it closes the connection.
fn exchange(server: &Process, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).ok();
    String::from_utf8_lossy(&received).into_owned()
}

/// A server that closes a connection without complete headers after a second, and accepts 40 connections.
fn server_with_low_limits() -> (tempfile::TempDir, Process) {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_LIMITS__HEADER_TIME", "1s").env("COUNTERSIGN_LIMITS__CONNECTIONS", "40");
    });
    (directory, server)
}

// G6
#[test]
fn http_2_is_not_spoken_without_tls() {
    let (_directory, server) = server_with_low_limits();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let reply = exchange(&server, preface);
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply:?}");
    let upgrade = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade, http2-settings\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let reply = exchange(&server, upgrade.as_bytes());
    assert!(reply.starts_with("HTTP/1.1 200"), "the upgrade is ignored: {reply:?}");
}

// G6
#[test]
fn http_2_is_not_spoken_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let server = with_tls(directory.path());
    for flag in ["--http2", "--http2-prior-knowledge"] {
        let url = format!("https://localhost:{}/livez", server.port);
        let output =
            Command::new("curl").args(["-sk", flag, "-w", " %{http_version}", &url]).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.trim().ends_with("1.1") || !output.status.success(), "{flag}: {stdout}");
    }
    let mut handshake = Command::new("openssl");
    handshake.args(["s_client", "-alpn", "h2", "-connect", &server.address()]);
    let output = handshake.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("ALPN protocol: h2"));
}

// G6
#[test]
fn idle_connections_are_closed_and_free_their_connection_slots() {
    let (_directory, server) = server_with_low_limits();
    let beginnings: [&[u8]; 4] =
        [b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HT", b"GET /livez HTTP/1.1\r\nhost: "];
    let idle: Vec<_> = (0..40)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
            stream.write_all(beginnings[number % 4]).unwrap();
            stream
        })
        .collect();
    let served = || server.try_send("GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(
        eventually(|| served().is_some_and(|(status, _)| status == 200)),
        "the idle connections are closed"
    );
    for mut stream in idle {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
    }
}

#[test]
fn a_connection_over_the_limit_is_closed_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_LIMITS__CONNECTIONS", "5");
    });
    let held: Vec<_> = (0..5).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    let mut one_more = TcpStream::connect(server.address()).unwrap();
    one_more.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut reply = Vec::new();
    // The server closes the connection, with or without a reset. An open connection would time out here.
    let ended = one_more.read_to_end(&mut reply);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock));
    assert!(reply.is_empty());
    drop(held);
    assert!(eventually(|| {
        server.try_send("GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").is_some()
    }));
}

/// A proxy sends the headers of the client's request, which announce a body, but it does not send the body.
#[test]
fn forward_auth_does_not_wait_for_an_announced_body() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("countersign.toml"),
        "trusted_proxies = ['127.0.0.1']\nforward_auth = { routes = [{ path = '/public', access = 'public' }] }\n",
    )
    .unwrap();
    let server = Process::dev(directory.path());
    let nginx = "GET /authz/auth-request HTTP/1.1\r\nx-original-url: https://app.example/public/x\r\nx-original-method: POST";
    let forwarded = "GET /authz/forward-auth HTTP/1.1\r\nx-forwarded-method: POST\r\nx-forwarded-proto: https\r\n\
                     x-forwarded-host: app.example\r\nx-forwarded-uri: /public/x";
    let envoy = "POST /authz/ext-authz/public/x HTTP/1.1\r\nx-forwarded-proto: https";
    for head in [nginx, forwarded, envoy] {
        for framing in ["content-length: 100", "transfer-encoding: chunked"] {
            let reply = exchange(
                &server,
                format!("{head}\r\nhost: localhost\r\nconnection: close\r\n{framing}\r\n\r\n").as_bytes(),
            );
            assert!(reply.starts_with("HTTP/1.1 200"), "{head} {framing}: {reply}");
        }
    }
}

// G6
#[test]
fn ambiguous_request_framing_is_rejected_and_the_connection_is_closed() {
    let (_directory, server) = server_with_low_limits();
    let smuggled = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for framing in [
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "content-length: 5, 5\r\n",
        "content-length: -1\r\n",
        "transfer-encoding:\u{b}chunked\r\n",
    ] {
        let head = "POST /refreshToken HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let reply = exchange(&server, format!("{head}{framing}\r\n0\r\n\r\n{smuggled}").as_bytes());
        let statuses: Vec<_> = reply.matches("HTTP/1.1 ").collect();
        assert!(statuses.len() <= 1, "{framing:?}: {reply}");
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{framing:?}: {reply}");
    }
    // If a request has both headers, `chunked` takes precedence (RFC 9112 §6.3), and the server closes the
    // connection after the response.
    for framing in [
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
    ] {
        let head = "POST /getTokens HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let reply =
            exchange(&server, format!("{head}{framing}\r\n2\r\n{{}}\r\n0\r\n\r\n{smuggled}").as_bytes());
        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{framing:?}: {reply}");
    }
    for head in [
        "POST /refreshToken HTTP/1.1\r\nhost : localhost\r\n",
        "POST /refreshToken HTTP/1.1\r\nhost: localhost\r\n x: folded\r\n",
        "POST /refreshToken HTTP/1.1\r\nhost: localhost\r\nx\0y: 1\r\n",
    ] {
        let reply = exchange(&server, format!("{head}content-length: 0\r\n\r\n").as_bytes());
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{head:?}: {reply}");
    }
}

// D10
#[test]
fn in_development_every_request_must_name_a_local_host() {
    let (_directory, server) = server_with_low_limits();
    for (request, status) in [
        ("POST /getTokens HTTP/1.0\r\ncontent-length: 0\r\n\r\n", "HTTP/1.0 400"),
        ("POST /getTokens HTTP/1.0\r\nhost: evil.example\r\ncontent-length: 0\r\n\r\n", "HTTP/1.0 421"),
        (
            "POST http://evil.example/getTokens HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400",
        ),
        (
            "POST http://evil.example/getTokens HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 421",
        ),
        ("POST /getTokens HTTP/1.1\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 400"),
        (
            "POST /getTokens HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400",
        ),
    ] {
        let reply = exchange(&server, request.as_bytes());
        assert!(reply.starts_with(status), "{request:?}: {reply}");
    }
    let local = "POST /getTokens HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    assert!(exchange(&server, local.as_bytes()).starts_with("HTTP/1.0 200"));
}
