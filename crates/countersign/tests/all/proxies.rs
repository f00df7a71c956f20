//! Real proxies in front of an application that believes `Remote-User`, configured as the examples are.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{PATIENCE, Process, command, patiently};

/// The configuration beside the defaults.
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

/// A server, a proxy that asks it, and an application behind.
struct Site {
    server: Process,
    proxy: Child,
    port: u16,
    directory: TempDir,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Nginx,
    Caddy,
}

const KINDS: [Kind; 2] = [Kind::Nginx, Kind::Caddy];

impl Site {
    fn start(kind: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("countersign.toml"), CONFIGURATION).unwrap();
        let server = Process::dev(directory.path());
        let (port, application) = (free_port(), application());
        let example = match kind {
            Kind::Nginx => include_str!("../../../../examples/forward-auth/nginx.conf"),
            Kind::Caddy => include_str!("../../../../examples/forward-auth/Caddyfile"),
        };
        let mut text = example.to_owned();
        for (example, real) in [("8080", port), ("3000", server.port), ("9090", application)] {
            assert!(text.contains(example), "{example}");
            text = text.replace(example, &real.to_string());
        }
        let proxy = match kind {
            Kind::Nginx => nginx(directory.path(), &text),
            Kind::Caddy => caddy(directory.path(), &text),
        };
        let site = Self { server, proxy, port, directory };
        assert!(patiently(|| TcpStream::connect(("127.0.0.1", port)).is_ok()), "{kind:?} did not start");
        site
    }

    /// Status and the rest of what the proxy answers to a request.
    fn send(&self, method: &str, path: &str, headers: &str) -> (u16, String) {
        self.send_to(&self.host(), method, path, headers)
    }

    fn send_to(&self, host: &str, method: &str, path: &str, headers: &str) -> (u16, String) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n"
        );
        answer(&format!("127.0.0.1:{}", self.port), &request)
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        self.send("GET", path, headers)
    }

    fn host(&self) -> String {
        format!("app.example:{}", self.port)
    }

    fn sign_in(&self) -> Value {
        let (status, body) = self.server.post("/getTokens", &json!({}));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A header with the access token of an administrator.
    fn administrator(&self) -> String {
        let mut add = command(self.directory.path());
        add.args(["user", "add", "root", "--role", "admin", "--password-stdin"]).stdin(Stdio::piped());
        let mut child = add.stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"vbzq mwtx krfj plnd\n").unwrap();
        assert!(child.wait().unwrap().success());
        let who =
            json!({"username": "root", "password": "vbzq mwtx krfj plnd", "scope": "countersign:admin"});
        let (status, body) = self.server.post("/v1/sessions", &who);
        assert_eq!(status, 201, "{body}");
        let pair: Value = serde_json::from_str(&body).unwrap();
        bearer(pair["access_token"].as_str().unwrap())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Asked to stop, nginx takes its worker along.
        Command::new("kill").arg(self.proxy.id().to_string()).status().ok();
        self.proxy.wait().ok();
    }
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An application that answers with the request's head as it sees it.
fn application() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let body = format!("application saw {}", head.join("\n"));
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                )
                .ok();
            });
        }
    });
    port
}

fn nginx(directory: &Path, text: &str) -> Child {
    let file = directory.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let place = directory.display();
    let globals =
        format!("daemon off; pid {place}/nginx.pid; error_log {place}/nginx.log; worker_processes 1;");
    // Debian keeps it out of the path of users.
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-p").arg(directory).arg("-c").arg(&file).args(["-e", "stderr", "-g", &globals]);
    nginx.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx is installed")
}

fn caddy(directory: &Path, text: &str) -> Child {
    let file = directory.join("Caddyfile");
    // Its administration would take a port that all of its kind share.
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

/// What an address answers, the status apart. No answer at all counts as status 0.
fn answer(address: &str, request: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut bytes).ok();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, text)
}

#[test]
fn a_proxy_lets_in_whom_the_server_knows_and_says_who_it_is() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = site.sign_in()["accessToken"].as_str().unwrap().to_owned();
        let (status, text) = site.get("/orders?id=7", "");
        assert_eq!(status, 401, "{kind:?}: {text}");
        assert_eq!(text.to_lowercase().matches("www-authenticate: bearer").count(), 1, "{kind:?}: {text}");
        assert_eq!(site.get("/orders", &bearer("abc")).0, 401, "{kind:?}");
        let (status, text) = site.get("/orders?id=7", &bearer(&token));
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(text.contains("GET /orders?id=7"), "{kind:?}: {text}");
        assert!(text.to_lowercase().contains("remote-user: john_doe"), "{kind:?}: {text}");
        let (status, _) = site.get("/orders", &format!("cookie: session={token}\r\n"));
        assert_eq!(status, 200, "{kind:?}: the cookie");
        let (status, text) = site.get("/assets/logo.svg", "");
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(!text.contains("john_doe"));
    }
}

#[test]
fn each_part_of_the_application_needs_its_own_scope() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        let (status, text) = site.get("/admin/users", &token);
        assert_eq!(status, 403, "{kind:?}: {text}");
        let (status, text) = site.get("/admin/users", &site.administrator());
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(text.to_lowercase().contains("remote-user: root"), "{kind:?}: {text}");
    }
}

// G4, incident 50
#[test]
fn no_client_tells_the_application_who_it_is() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        for name in [
            "Remote-User",
            "REMOTE-USER",
            "Remote_User",
            "remote_groups",
            "Remote-Email",
            "X-Forwarded-User",
            "X_Forwarded_User",
            "X-Forwarded_Groups",
            "X-Auth-Request-User",
            "x_auth_request_email",
        ] {
            for path in ["/orders", "/assets/x"] {
                let (status, text) = site.get(path, &format!("{token}{name}: mallory\r\n"));
                assert!(
                    !text.contains("mallory") && [200, 403].contains(&status),
                    "{kind:?}: {name}: {text}"
                );
            }
        }
        // Nor what it asks for.
        for header in [
            "X-Original-URL: http://app.example/assets/x",
            "X-Original-Method: OPTIONS",
            "X-Forwarded-Uri: /assets/x",
            "X_Forwarded_Uri: /assets/x",
            "X-Forwarded-Host: other.example",
            "X-Rewrite-URL: /assets/x",
            "X-Original-URL: /assets/x\r\nX-Original-URL: /assets/y",
        ] {
            let (status, text) = site.get("/admin", &format!("{header}\r\n"));
            assert!([401, 403].contains(&status), "{kind:?}: {header}: {text}");
        }
    }
}

// incident 50
#[test]
fn no_spelling_of_a_path_leads_past_its_route() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        for path in [
            "/admin",
            "/admin/",
            "/admin?x",
            "/%61dmin",
            "/ADMIN",
            "/Admin/x",
            "//admin",
            "/./admin",
            "/x/../admin",
            "/assets/../admin",
            "/assets/..%2fadmin",
            "/assets/%2e%2e/admin",
            "/assets/..;/admin",
            "/assets%2f..%2fadmin",
            "/assets//../admin",
            "/assets\\..\\admin",
            "/admin;x=/assets",
            "/admin%00",
            "/admin%2f",
            "/%2561dmin",
            "/admin%20",
            "/admin.",
            "/assets/%252e%252e/admin",
        ] {
            let (status, text) = site.get(path, &token);
            assert!(!text.contains("application saw") && status != 200, "{kind:?}: {path}: {text}");
        }
    }
}

#[test]
fn a_browser_is_sent_to_sign_in_and_comes_back() {
    for kind in KINDS {
        let site = Site::start(kind);
        let (status, text) =
            site.get("/orders?id=7&x", "accept: text/html,*/*\r\nsec-fetch-mode: navigate\r\n");
        let place = format!(
            "location: https://app.example/sign-in?rd=http%3A%2F%2Fapp.example%3A{}%2Forders%3Fid%3D7%26x",
            site.port
        );
        assert_eq!(status, 302, "{kind:?}: {text}");
        assert!(text.to_lowercase().contains(&place.to_lowercase()), "{kind:?}: {text}");
        for program in ["accept: application/json\r\n", "accept: text/html\r\nsec-fetch-mode: cors\r\n"] {
            assert_eq!(site.get("/orders", program).0, 401, "{kind:?}: {program}");
        }
        assert_eq!(site.send("POST", "/orders", "accept: text/html\r\n").0, 401, "{kind:?}");
    }
}

// D10
#[test]
fn a_page_of_another_origin_changes_nothing_with_the_cookie() {
    for kind in KINDS {
        let site = Site::start(kind);
        let cookie = format!("cookie: session={}\r\n", site.sign_in()["accessToken"].as_str().unwrap());
        let own = format!("origin: http://{}\r\n", site.host());
        for (headers, expected) in [
            ("sec-fetch-site: same-origin\r\n", 200),
            (own.as_str(), 200),
            ("sec-fetch-site: cross-site\r\n", 403),
            ("sec-fetch-site: same-site\r\n", 403),
            ("sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n", 403),
            ("origin: http://mallory.example\r\n", 403),
            ("", 403),
        ] {
            let (status, text) = site.send("POST", "/orders", &format!("{cookie}{headers}"));
            assert_eq!(status, expected, "{kind:?}: {headers:?}: {text}");
        }
        // A socket that was opened is not asked about again.
        let socket =
            format!("{cookie}sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-fetch-mode: websocket\r\n");
        for (origin, expected) in [("origin: http://mallory.example\r\n", 403), (own.as_str(), 200)] {
            let (status, text) = site.get("/socket", &format!("{socket}{origin}"));
            assert_eq!(status, expected, "{kind:?}: {origin:?}: {text}");
        }
    }
}

// incident 50
#[test]
fn no_spelling_of_a_host_leads_past_its_route() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        for host in [
            "secret.example",
            "SECRET.example",
            "secret.example.",
            "Secret.Example.:80",
            "secret.example:80:80",
            "secret.example:x]",
            "secret.example:80]",
            "[secret.example]",
            "secret.example:+80",
            "secret.example%2e",
        ] {
            let (status, text) = site.send_to(host, "GET", "/orders", &token);
            assert!(status >= 400 && !text.contains("application saw"), "{kind:?}: {host}: {text}");
        }
        let (status, text) = site.send_to(&site.host(), "GET", "http://secret.example/orders", &token);
        assert!(status >= 400 && !text.contains("application saw"), "{kind:?}: the absolute form: {text}");
    }
}

// C10, D2
#[test]
fn nobody_gets_in_after_signing_out_or_while_the_server_is_away() {
    for kind in KINDS {
        let mut site = Site::start(kind);
        let pair = site.sign_in();
        let token = bearer(pair["accessToken"].as_str().unwrap());
        assert_eq!(site.get("/orders", &token).0, 200, "{kind:?}");
        site.server.post("/logout", &json!({"refreshToken": pair["refreshToken"]}));
        assert_eq!(site.get("/orders", &token).0, 401, "{kind:?}: the very next request");
        let other = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        site.server.child.kill().unwrap();
        site.server.child.wait().unwrap();
        let (status, text) = site.get("/orders", &other);
        assert!(status >= 500 && !text.contains("application saw"), "{kind:?}: {text}");
    }
}

#[test]
fn only_a_trusted_proxy_may_ask() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let request = "GET /authz/auth-request HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                   x-original-url: http://app.example/assets/x\r\nx-original-method: GET\r\n\r\n";
    let (status, _) = server.send(request);
    assert_eq!(status, 403);
    assert!(patiently(|| server.log.lock().unwrap().contains("trusted_proxies")), "the operator learns why");
}
