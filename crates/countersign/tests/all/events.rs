//! The stream of session events that administrators read.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use countersign_core::session::{Presence, Revoked, RevokedReason, Whose};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::harness::{Call, Harness, PASSWORD, Reply, Tokens};
use crate::process::{Process, TIME_LIMIT, command};

const EVENTS: &str = "/v1/admin/events";

/// The longest time that a test waits for an event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(4);

/// A server with the user `jane`, and the access token of an administrator.
fn server_with_admin() -> (Harness, String) {
    let server = Harness::new();
    server.add_admin("root");
    server.add_user("jane");
    let admin = server.sign_in_for("root", "countersign:admin").access;
    (server, admin)
}

fn events_request(admin: &str) -> Call {
    Call::new(Method::GET, EVENTS).bearer(admin)
}

/// An open event stream.
struct Stream(Body);

struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Stream {
    fn open(server: &Harness, call: Call) -> Self {
        let response = server.runtime.block_on(server.routes.respond(call));
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self(response.into_body())
    }

    /// The next event, or `None` at the end of the stream.
    fn next(&mut self, server: &Harness) -> Option<Event> {
        server.runtime.block_on(async {
            loop {
                let frame = tokio::time::timeout(EVENT_TIMEOUT, self.0.frame())
                    .await
                    .expect("an event arrives in time");
                let bytes = frame?.unwrap().into_data().unwrap();
                if let Some(event) = Event::parse(std::str::from_utf8(&bytes).unwrap()) {
                    return Some(event);
                }
            }
        })
    }

    fn take(&mut self, server: &Harness, count: usize) -> Vec<Event> {
        (0..count).map(|_| self.next(server).unwrap()).collect()
    }
}

impl Event {
    /// Returns `None` for a comment.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
        };
        let data = serde_json::from_str(&field("data:")?).unwrap();
        Some(Self { id: field("id:")?, name: field("event:")?, data })
    }
}

/// All events so far, without the administrator's own sign-in.
fn events_so_far(server: &Harness, admin: &str) -> Vec<Event> {
    let mut stream = Stream::open(server, events_request(admin));
    stream.take(server, 1);
    let count = server.edge.app.events.watch().borrow().checked_sub(1).unwrap();
    stream.take(server, usize::try_from(count).unwrap())
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// Refreshes through `/v1/sessions/refresh`.
fn refresh(server: &Harness, token: &str) -> Reply {
    server.post("/v1/sessions/refresh", &json!({"refresh_token": token}))
}

#[test]
fn each_change_is_sent_once_and_in_order() {
    let (server, admin) = server_with_admin();
    let first = server.sign_in("jane");
    let session = server.session_of(&first.refresh).to_string();
    let second = Tokens::of_first_party(&refresh(&server, &first.refresh));
    assert_eq!(refresh(&server, &first.refresh).status, 200);
    server.wait_seconds(60);
    assert_eq!(refresh(&server, &first.refresh).status, 401);
    assert_eq!(refresh(&server, &second.refresh).status, 401);
    server.list_revocations();
    let events = events_so_far(&server, &admin);
    assert_eq!(names(&events), ["opened", "rotated", "replayed", "reused"]);
    assert!(events.iter().all(|event| event.data["session_id"] == session.as_str()));
    let jane = server.row(session.parse().unwrap()).session.grant.user;
    assert_eq!(
        events[1].data,
        json!({
            "event": "rotated", "at": "2027-01-15T08:00:00.000Z", "session_id": session, "user": jane.as_str(),
            "client_id": "first-party", "presented": 0, "generation": 1, "device": "an unnamed client",
            "address": "192.0.2.1",
        })
    );
    let reused = &events[3].data;
    assert_eq!(
        (&reused["presented"], &reused["generation"], &reused["reason"]),
        (&json!(0), &json!(1), &json!("reuse"))
    );
}

// G1
#[test]
fn no_event_contains_a_token_or_a_part_of_one() {
    let (server, admin) = server_with_admin();
    let first = server.sign_in("jane");
    let second = Tokens::of_first_party(&refresh(&server, &first.refresh));
    server.post("/logout", &json!({"refreshToken": second.refresh}));
    server.list_revocations();
    let text: String = events_so_far(&server, &admin).iter().map(|event| event.data.to_string()).collect();
    for token in [&first.refresh, &second.refresh, &first.access, &second.access] {
        let parts: Vec<_> =
            token.as_bytes().windows(16).map(|part| std::str::from_utf8(part).unwrap()).collect();
        assert!(!parts.iter().any(|part| text.contains(part)), "{text}");
    }
}

/// Revokes the session of the tokens.
type Revoke<'a> = &'a dyn Fn(&Tokens);

#[test]
fn every_kind_of_revocation_is_an_event_with_its_reason() {
    let (server, admin) = server_with_admin();
    let revocations: [(&str, Revoke<'_>); 4] = [
        ("signed_out", &|tokens| {
            server.post("/logout", &json!({"refreshToken": tokens.refresh}));
        }),
        ("ended_by_user", &|tokens| {
            let other = server.sign_in("jane");
            let path = format!("/v1/sessions/{}", server.session_of(&tokens.refresh));
            assert_eq!(server.delete_as(&path, &other.access).status, 204);
        }),
        ("ended_by_admin", &|tokens| {
            let path = format!("/v1/admin/sessions/{}", server.session_of(&tokens.refresh));
            assert_eq!(server.delete_as(&path, &admin).status, 204);
        }),
        // As another process with the same database does.
        ("ended_by_admin", &|tokens| {
            let by = Presence { at: server.now(), address: None, device: "the command line".to_owned() };
            let how = Revoked { reason: RevokedReason::EndedByAdmin, by, presented: None };
            let (store, id) = (&server.edge.app.store, server.session_of(&tokens.refresh));
            assert!(server.runtime.block_on(store.revoke(id, &Whose::Everyone, &how)).unwrap());
        }),
    ];
    for (reason, revoke) in revocations {
        let tokens = server.sign_in("jane");
        revoke(&tokens);
        server.list_revocations();
        let events = events_so_far(&server, &admin);
        let last = &events.last().unwrap().data;
        assert_eq!((&last["event"], &last["reason"]), (&json!("revoked"), &json!(reason)), "{last}");
        assert_eq!(last["session_id"], server.session_of(&tokens.refresh).to_string());
    }
}

// D3
#[test]
fn sessions_that_are_revoked_together_are_one_event() {
    let (server, admin) = server_with_admin();
    let jane = server.row(server.session_of(&server.sign_in("jane").refresh)).session.grant.user;
    server.sign_in("jane");
    let path = format!("/v1/admin/users/{}", jane.as_str());
    let disable = Call::new(Method::PATCH, &path).bearer(&admin).json(&json!({"disabled": true}));
    assert_eq!(server.request(disable).status, 200);
    server.list_revocations();
    let events = events_so_far(&server, &admin);
    assert_eq!(names(&events), ["opened", "opened", "revoked"]);
    assert_eq!(
        (&events[2].data["user"], &events[2].data["session_id"]),
        (&json!(jane.as_str()), &Value::Null)
    );
}

#[test]
fn a_refresh_with_an_expired_token_sends_one_expired_event() {
    let (server, _) = server_with_admin();
    let tokens = server.sign_in("jane");
    server.wait(Duration::from_hours(8 * 24));
    for _ in 0..3 {
        assert_eq!(refresh(&server, &tokens.refresh).status, 401);
    }
    let admin = server.sign_in_for("root", "countersign:admin").access;
    assert_eq!(names(&events_so_far(&server, &admin)), ["opened", "expired", "opened"]);
}

#[test]
fn a_stream_resumes_after_the_given_cursor() {
    let (server, admin) = server_with_admin();
    server.sign_in("jane");
    server.sign_in("jane");
    let events = events_so_far(&server, &admin);
    let resumed = |call: Call| Stream::open(&server, call).next(&server).unwrap().id;
    assert_eq!(resumed(events_request(&admin).header("last-event-id", &events[0].id)), events[1].id);
    let by_query = Call::new(Method::GET, &format!("{EVENTS}?after={}", events[0].id)).bearer(&admin);
    assert_eq!(resumed(by_query), events[1].id);
    // The stream then sends new events as they happen.
    let mut stream = Stream::open(&server, events_request(&admin).header("last-event-id", &events[1].id));
    server.sign_in("jane");
    assert_eq!(stream.next(&server).unwrap().name, "opened");
}

#[test]
fn a_client_whose_cursor_is_too_old_receives_a_gap_event() {
    let (server, admin) = server_with_admin();
    let tokens = server.sign_in("jane");
    for unknown in ["7-00000000ffff", "3-0102030405ff"] {
        let mut stream = Stream::open(&server, events_request(&admin).header("last-event-id", unknown));
        let events = stream.take(&server, 3);
        assert_eq!(names(&events), ["gap", "opened", "opened"]);
        assert!(events[0].id.starts_with("0-"), "{}", events[0].id);
    }
    let malformed = server.request(events_request(&admin).header("last-event-id", "yesterday"));
    assert_eq!((malformed.status.as_u16(), &malformed.json()["code"]), (400, &json!("malformed_request")));
    // More events than the server keeps.
    let first = events_so_far(&server, &admin).remove(0);
    let row = server.row(server.session_of(&tokens.refresh)).session;
    note_many(&server, &row, 10_100);
    let mut stream = Stream::open(&server, events_request(&admin).header("last-event-id", &first.id));
    let events = stream.take(&server, 2);
    assert_eq!(names(&events), ["gap", "expired"]);
    assert!(events[1].id.starts_with("103-"), "the oldest event that is kept: {}", events[1].id);
}

#[test]
fn a_slow_client_is_disconnected_and_can_resume_from_its_cursor() {
    let (server, admin) = server_with_admin();
    let row = server.row(server.session_of(&server.sign_in("jane").refresh)).session;
    let mut stream = Stream::open(&server, events_request(&admin));
    let last = stream.take(&server, 2).remove(1).id;
    note_many(&server, &row, 10_100);
    assert!(stream.next(&server).is_none(), "the server ends the stream");
    let mut resumed = Stream::open(&server, events_request(&admin).header("last-event-id", &last));
    assert_eq!(resumed.next(&server).unwrap().name, "gap");
}

/// Any user can cause many refresh events.
#[test]
fn many_refresh_events_do_not_displace_rare_events() {
    use countersign::services::event_log::{Change, Subject};
    let (server, admin) = server_with_admin();
    let tokens = server.sign_in("jane");
    server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    server.list_revocations();
    let before = events_so_far(&server, &admin).remove(0);
    let flood = Subject::of(&server.row(server.session_of(&tokens.refresh)).session);
    for generation in 0..20_000 {
        let replayed = Change::Replayed { presented: generation, generation };
        server.edge.app.events.note(flood.clone(), replayed, None);
    }
    let mut stream = Stream::open(&server, events_request(&admin).header("last-event-id", &before.id));
    let events = stream.take(&server, 3);
    assert_eq!(names(&events), ["gap", "revoked", "replayed"]);
    assert_eq!(events[2].data["generation"], 10_000, "the newest 10,000");
    // A client that reads from the start receives all events that the server keeps, the rare ones included.
    let all = Stream::open(&server, events_request(&admin)).take(&server, 10_003);
    assert_eq!(names(&all[..4]), ["opened", "opened", "revoked", "replayed"]);
}

fn note_many(server: &Harness, session: &countersign_core::session::Session, count: usize) {
    use countersign::services::event_log::{Change, Subject};
    (0..count).for_each(|_| server.edge.app.events.note(Subject::of(session), Change::Expired, None));
}

// D2
#[test]
fn only_an_administrator_can_read_events_and_only_until_sign_out() {
    let (server, admin) = server_with_admin();
    let jane = server.sign_in_for("jane", "").access;
    assert_eq!(server.get(EVENTS).status, 401);
    assert_eq!(server.get_as(EVENTS, &jane).status, 403);
    let mut stream = Stream::open(&server, events_request(&admin));
    stream.take(&server, 2);
    assert_eq!(server.delete_as("/v1/sessions", &admin).status, 200);
    server.sign_in("jane");
    assert!(stream.next(&server).is_none(), "the stream ends with the session");
}

/// A connection from a different address for each number. It requests the stream and reads only the status.
fn slow_client(server: &Process, admin: &str, number: usize) -> TcpStream {
    let from = [127, 0, 1 + (number / 250) as u8, (number % 250) as u8];
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.port)).into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let request =
        format!("GET {EVENTS} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {admin}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(std::str::from_utf8(&status).unwrap(), "HTTP/1.1 200");
    stream
}

#[test]
fn a_thousand_slow_clients_neither_block_the_server_nor_exhaust_its_memory() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        // The load refreshes the same few sessions many times.
        command.env("COUNTERSIGN_THROTTLE__SESSION_BURST", "4000000000");
    });
    add_user(directory.path(), &["root", "--role", "admin"]);
    add_user(directory.path(), &["jane"]);
    let body = json!({"username": "root", "password": PASSWORD, "scope": "countersign:admin"});
    let admin: Value = serde_json::from_str(&server.post("/v1/sessions", &body).1).unwrap();
    let admin = admin["access_token"].as_str().unwrap();
    let clients: Vec<_> = (0..1000).map(|number| slow_client(&server, admin, number)).collect();
    let before = server.peak_memory_kib();
    // More events than the server keeps, so that clients that do not read fall behind.
    let mut events = 0;
    while events < 12_000 {
        events += refresh_for_one_second(&server, directory.path());
    }
    let grown = server.peak_memory_kib() - before;
    assert!(grown < 64 * 1024, "{grown} KiB");
    let unread = unread_bytes(server.port);
    assert!(unread > 0 && unread < clients.len() * 64 * 1024, "{unread} bytes are in the send buffers");
}

/// The bytes in the kernel's send buffers of all connections from a port.
fn unread_bytes(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let from_port = format!(":{port:04X}");
    let connections = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let unread = connections.filter(|fields| fields[1].ends_with(&from_port)).map(|fields| {
        let (sending, _) = fields[4].split_once(':').unwrap();
        usize::from_str_radix(sending, 16).unwrap()
    });
    unread.sum()
}

fn add_user(directory: &Path, arguments: &[&str]) {
    let mut add = command(directory);
    add.args(["user", "add", "--password-stdin"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = add.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
}

/// Sends refreshes for one second. Returns their number; each must succeed.
fn refresh_for_one_second(server: &Process, directory: &Path) -> u64 {
    let mut bench = command(directory);
    bench.args(["bench", "--json", "--seconds", "1", "--connections", "8", "--profile", "refresh"]);
    bench.args(["--username", "jane", "--url", &format!("http://{}/", server.address())]);
    let mut child = bench.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = child.wait_with_output().unwrap();
    let measured = serde_json::from_slice::<Value>(&output.stdout).unwrap()["refresh"].clone();
    assert_eq!(measured["errors"], 0, "{measured}");
    measured["requests"].as_u64().unwrap()
}
