//! A real server, a real proxy that checks each request with the server, and an application behind the proxy.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, TIME_LIMIT, command, eventually};

/// The server's configuration; the other keys have their defaults.
const CONFIGURATION: &str = r#"
trusted_proxies = ["127.0.0.1/32"]
[forward_auth]
cookie = "session"
sign_in = "https://app.example/sign-in"
routes = [
  { path = "/admin", scope = "countersign:admin" },
  { path = "/assets", access = "public" },
  { host = "secret.example", path = "/", scope = "countersign:admin" },
]
"#;

pub(super) struct Site {
    // Dropped first.
    _proxy: Running,
    pub(super) server: Process,
    pub(super) port: u16,
    directory: TempDir,
}

/// A process that is stopped when this value is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, because nginx then also stops its worker.
        Command::new("kill").arg(self.0.id().to_string()).status().ok();
        self.0.wait().ok();
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Nginx,
    Caddy,
    Envoy,
}

pub(super) const KINDS: [Kind; 3] = [Kind::Nginx, Kind::Caddy, Kind::Envoy];

impl Site {
    pub(super) fn start(kind: Kind) -> Self {
        Self::start_with(kind, |text| text)
    }

    /// Starts a site whose proxy configuration is `change(example)`.
    pub(super) fn start_with(kind: Kind, change: impl FnOnce(String) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("countersign.toml"), CONFIGURATION).unwrap();
        let server = Process::dev(directory.path());
        let (port, application) = (free_port(), application());
        let example = match kind {
            Kind::Nginx => include_str!("../../../../../examples/forward-auth/nginx.conf"),
            Kind::Caddy => include_str!("../../../../../examples/forward-auth/Caddyfile"),
            Kind::Envoy => include_str!("../../../../../examples/forward-auth/envoy.yaml"),
        };
        let mut text = change(example.to_owned());
        // In two steps, because a real port can contain the digits of an example's port.
        let ports =
            [("8080", "<people>", port), ("3000", "<server>", server.port), ("9090", "<app>", application)];
        for (example, name, _) in ports {
            assert!(text.contains(example), "{example}");
            text = text.replace(example, name);
        }
        for (_, name, real) in ports {
            text = text.replace(name, &real.to_string());
        }
        let proxy = match kind {
            Kind::Nginx => nginx(directory.path(), &text),
            Kind::Caddy => caddy(directory.path(), &text),
            Kind::Envoy => envoy(directory.path(), &text),
        };
        let site = Self { _proxy: Running(proxy), server, port, directory };
        assert!(eventually(|| TcpStream::connect(("127.0.0.1", port)).is_ok()), "{kind:?} did not start");
        site
    }

    /// Sends a request to the proxy. Returns the status and the whole response.
    pub(super) fn send(&self, method: &str, path: &str, headers: &str) -> (u16, String) {
        self.send_to(&self.host(), method, path, headers)
    }

    pub(super) fn send_to(&self, host: &str, method: &str, path: &str, headers: &str) -> (u16, String) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n"
        );
        exchange(&format!("127.0.0.1:{}", self.port), &request)
    }

    pub(super) fn get(&self, path: &str, headers: &str) -> (u16, String) {
        self.send("GET", path, headers)
    }

    pub(super) fn host(&self) -> String {
        format!("app.example:{}", self.port)
    }

    pub(super) fn sign_in(&self) -> Value {
        let (status, body) = self.server.post("/getTokens", &json!({}));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A `Cookie` header with the access token of the demo user.
    pub(super) fn cookie(&self) -> String {
        format!("cookie: session={}\r\n", self.sign_in()["accessToken"].as_str().unwrap())
    }

    /// Sends a WebSocket handshake (RFC 6455 §1.3) to the proxy. Returns the status and the first bytes.
    pub(super) fn open_socket(&self, headers: &str) -> (u16, String) {
        let request = format!(
            "GET /socket HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
            self.host()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // The connection stays open, so this reads only the head, and one frame if the WebSocket opens.
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while !is_whole(&bytes) {
            let length = std::io::Read::read(&mut stream, &mut chunk).unwrap_or_default();
            if length == 0 {
                break;
            }
            bytes.extend_from_slice(&chunk[..length]);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(), text)
    }

    /// A header with the access token of an administrator.
    pub(super) fn administrator(&self) -> String {
        let mut add = command(self.directory.path());
        add.args(["user", "add", "root", "--role", "admin", "--password-stdin"]).stdin(Stdio::piped());
        let mut child = add.stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"vbzq mwtx krfj plnd\n").unwrap();
        assert!(child.wait().unwrap().success());
        let body =
            json!({"username": "root", "password": "vbzq mwtx krfj plnd", "scope": "countersign:admin"});
        let (status, body) = self.server.post("/v1/sessions", &body);
        assert_eq!(status, 201, "{body}");
        let pair: Value = serde_json::from_str(&body).unwrap();
        bearer(pair["access_token"].as_str().unwrap())
    }
}

pub(super) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// A port that no other test gets. It is below the range from which the system chooses ports, so a listener on any free
/// port cannot take it before the proxy listens.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts an application and returns its port. It returns the head of the request that it received; for a
/// WebSocket handshake it opens the WebSocket and sends the head in a frame.
fn application() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

fn serve(mut stream: TcpStream) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let head: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let body = format!("application saw {}", head.join("\n"));
    let length = u16::try_from(body.len()).unwrap();
    let reply = if head.iter().any(|line| line.eq_ignore_ascii_case("upgrade: websocket")) {
        // The accept value for the key in RFC 6455 §1.3, and one text frame of at least 126 bytes (§5.2).
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        let opened = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {accept}\r\n\r\n"
        );
        [opened.as_bytes(), &[0x81, 126], &length.to_be_bytes(), body.as_bytes()].concat()
    } else {
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    };
    stream.write_all(&reply).ok();
}

pub(crate) fn nginx(directory: &Path, text: &str) -> Child {
    let file = directory.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let folder = directory.display();
    let globals =
        format!("daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;");
    // On Debian this directory is not in the PATH of ordinary users.
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-p").arg(directory).arg("-c").arg(&file).args(["-e", "stderr", "-g", &globals]);
    nginx.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx is installed")
}

fn caddy(directory: &Path, text: &str) -> Child {
    let file = directory.join("Caddyfile");
    // The administration endpoint of every Caddy uses the same port, so it would conflict with other tests.
    std::fs::write(&file, format!("{{\n\tadmin off\n}}\n{text}")).unwrap();
    let mut caddy = Command::new("caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    caddy
        .env("HOME", directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("caddy is installed")
}

/// `cargo xtask check` installs Envoy from `tests/proxies/requirements.txt`.
fn envoy(directory: &Path, text: &str) -> Child {
    let file = directory.join("envoy.yaml");
    std::fs::write(&file, text).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/proxies/envoy/_bin/envoy");
    let mut envoy = Command::new(program);
    envoy.args(["--disable-hot-restart", "--concurrency", "1", "-l", "off", "-c"]).arg(&file);
    envoy
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Envoy is installed: run `cargo xtask check`, which installs it below target/proxies")
}

/// Whether these bytes contain a complete head, and after a 101 the complete frame that [`serve`] sends.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let is_socket = bytes.starts_with(b"HTTP/1.1 101");
    match &bytes[end + 4..] {
        _ if !is_socket => true,
        [_, _, high, low, frame @ ..] => frame.len() >= usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}

/// Sends a request. Returns the status and the whole response; the status is 0 without a response.
fn exchange(address: &str, request: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut bytes).ok();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, text)
}
