//! An issuer on a real port that tests control: it can rotate keys, fail, hang, redirect, disconnect and
//! restart.
//!
//! It implements a minimal part of HTTP itself, because an HTTP library would correct the malformed
//! responses.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_token::SigningKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Cursors, Time, key, page_of, sign, sign_page};

pub(crate) struct FakeIssuer {
    pub(crate) name: String,
    pub(crate) state: Arc<State>,
    address: SocketAddr,
    serving: Option<tokio::task::JoinHandle<()>>,
}

pub(crate) struct State {
    name: String,
    time: Time,
    pub(crate) metadata: Mutex<Value>,
    pub(crate) behaviour: Mutex<Behaviour>,
    active: Mutex<Arc<SigningKey>>,
    pub(crate) published: Mutex<Value>,
    /// The request lines and headers of all requests.
    pub(crate) heads: Mutex<Vec<String>>,
    pub(crate) metadata_reads: AtomicU64,
    pub(crate) key_reads: AtomicU64,
    /// The cursor after which each stream was opened.
    pub(crate) resumed: Mutex<Vec<Option<String>>>,
    pub(crate) open_streams: AtomicU64,
    /// Whether the list can be polled.
    serves_list: AtomicBool,
    /// When the list was polled, and after which cursor.
    list_reads: Mutex<Vec<(Instant, Option<String>)>>,
    /// The contents of the next streams, instead of the list.
    pub(crate) scripts: Mutex<VecDeque<Script>>,
    /// The responses to the next polls, instead of the list.
    list_scripts: Mutex<VecDeque<String>>,
    list: watch::Sender<List>,
}

/// How the issuer responds to requests for documents.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    Normal,
    /// With this status line and these headers, and without a body.
    Head(&'static str),
    /// With 404 for the metadata of RFC 8414.
    OnlyOpenId,
    /// Without a response.
    Hangs,
    /// With an endless body.
    Endless,
}

/// How the issuer responds to a request for the stream.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// With this text, and then the connection is closed.
    Breaks(String),
    /// With this text, and then the connection stays open without data.
    Hangs(String),
}

#[derive(Clone, Debug, Default)]
struct List {
    entries: Vec<Value>,
    is_silent: bool,
    /// The age of the pages in streams.
    lag: Duration,
    /// Incremented to end the open streams.
    ends: u64,
}

/// Entries in a page.
const PAGE: usize = 1000;

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// Short, so that tests need not wait.
const HEARTBEAT: Duration = Duration::from_millis(20);

impl State {
    /// The signed page after a cursor, the cursor after the page, and whether there are more pages.
    fn page(&self, list: &List, after: Option<&str>, lag: Duration) -> (String, String, bool) {
        let from = after.and_then(|cursor| cursor.split_once('-')?.0.parse().ok()).unwrap_or(0);
        let entries: Vec<_> = list.entries.iter().skip(from).take(PAGE).cloned().collect();
        let cursor = format!("{}-0102030405ff", from + entries.len());
        let more = from + entries.len() < list.entries.len();
        let mut page = page_of(
            &self.name,
            self.time.now().minus(lag),
            Cursors { after, cursor: &cursor },
            Value::Array(entries),
        );
        page["more"] = more.into();
        let active = self.active.lock().unwrap().clone();
        (sign_page(&active, &page), cursor, more)
    }
}

impl FakeIssuer {
    pub(crate) async fn start(time: &Time) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = format!("http://{address}");
        let active = Arc::new(key("first"));
        let state = Arc::new(State {
            time: time.clone(),
            metadata: Mutex::new(json!({
                "issuer": name, "jwks_uri": format!("{name}/.well-known/jwks.json"),
                "revocation_feed_uri": format!("{name}/revocations"),
            })),
            name: name.clone(),
            behaviour: Mutex::new(Behaviour::Normal),
            published: Mutex::new(json!({ "keys": [active.public_jwk()] })),
            active: Mutex::new(active),
            heads: Mutex::default(),
            metadata_reads: AtomicU64::default(),
            key_reads: AtomicU64::default(),
            resumed: Mutex::default(),
            open_streams: AtomicU64::default(),
            serves_list: AtomicBool::default(),
            list_reads: Mutex::default(),
            scripts: Mutex::default(),
            list_scripts: Mutex::default(),
            list: watch::Sender::default(),
        });
        let serving = Some(tokio::spawn(serve(listener, state.clone())));
        Self { name, state, address, serving }
    }

    /// Closes all connections and the port.
    pub(crate) async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            serving.await.ok();
        }
    }

    /// Listens on the same port again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = Some(tokio::spawn(serve(listener, self.state.clone())));
    }

    /// Signs a token with the active key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        sign(&self.active(), claims)
    }

    pub(crate) fn active(&self) -> Arc<SigningKey> {
        self.state.active.lock().unwrap().clone()
    }

    pub(crate) fn activate(&self, key: Arc<SigningKey>) {
        *self.state.active.lock().unwrap() = key;
    }

    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
        *self.state.published.lock().unwrap() = json!({ "keys": keys });
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn set_metadata(&self, name: &str, value: impl Into<Value>) {
        self.state.metadata.lock().unwrap()[name] = value.into();
    }

    pub(crate) fn without_feed(&self) {
        self.state.metadata.lock().unwrap().as_object_mut().unwrap().remove("revocation_feed_uri");
    }

    pub(crate) fn script(&self, script: Script) {
        self.state.scripts.lock().unwrap().push_back(script);
    }

    pub(crate) fn script_list(&self, answer: impl Into<String>) {
        self.state.list_scripts.lock().unwrap().push_back(answer.into());
    }

    pub(crate) fn revoke(&self, entry: Value) {
        self.state.list.send_modify(|list| list.entries.push(entry));
    }

    /// Allows polling of the list.
    pub(crate) fn serve_list(&self) {
        self.state.serves_list.store(true, Ordering::SeqCst);
    }

    /// Sets whether streams deliver pages.
    pub(crate) fn be_silent(&self, is_silent: bool) {
        self.state.list.send_modify(|list| list.is_silent = is_silent);
    }

    /// Makes streams deliver pages that were signed this long ago.
    pub(crate) fn be_late(&self, by: Duration) {
        self.state.list.send_modify(|list| list.lag = by);
    }

    /// Ends the open streams.
    pub(crate) fn end_streams(&self) {
        self.state.list.send_modify(|list| list.ends += 1);
    }

    pub(crate) fn key_reads(&self) -> u64 {
        self.state.key_reads.load(Ordering::SeqCst)
    }

    pub(crate) fn list_reads(&self) -> Vec<(Instant, Option<String>)> {
        self.state.list_reads.lock().unwrap().clone()
    }

    pub(crate) fn streams(&self) -> usize {
        self.state.resumed.lock().unwrap().len()
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

/// One `revocations` event of a stream.
pub(crate) fn event(data: &str) -> String {
    format!("event: revocations\nid: x\ndata: {data}\n\n")
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        connections.spawn(respond(connection, state.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Handles one request per connection. An error means that the client disconnected.
async fn respond(mut connection: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let byte = connection.read_u8().await?;
        request.push(byte);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    state.heads.lock().unwrap().push(request.clone());
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path {
        "/revocations/stream" => stream(&mut connection, &state, &request).await,
        path if path.starts_with("/revocations") => list(&mut connection, &state, path).await,
        "/.well-known/jwks.json" => {
            state.key_reads.fetch_add(1, Ordering::SeqCst);
            let body = state.published.lock().unwrap().to_string();
            document(&mut connection, &state, body).await
        }
        "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => {
            state.metadata_reads.fetch_add(1, Ordering::SeqCst);
            let behaviour = state.behaviour.lock().unwrap().clone();
            if matches!(behaviour, Behaviour::OnlyOpenId) && path.ends_with("server") {
                return connection.write_all(NOT_FOUND.as_bytes()).await;
            }
            let body = state.metadata.lock().unwrap().to_string();
            document(&mut connection, &state, body).await
        }
        _ => connection.write_all(NOT_FOUND.as_bytes()).await,
    }
}

async fn document(connection: &mut TcpStream, state: &State, body: String) -> std::io::Result<()> {
    let behaviour = state.behaviour.lock().unwrap().clone();
    match behaviour {
        Behaviour::Normal | Behaviour::OnlyOpenId => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let length = body.len();
            connection.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).await
        }
        Behaviour::Head(head) => connection.write_all(format!("{head}\r\n\r\n").as_bytes()).await,
        Behaviour::Hangs => std::future::pending().await,
        Behaviour::Endless => {
            connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                connection.write_all(&[b' '; 4096]).await?;
            }
        }
    }
}

async fn list(connection: &mut TcpStream, state: &State, path: &str) -> std::io::Result<()> {
    let after = path.split_once("?after=").map(|(_, cursor)| cursor.to_owned());
    state.list_reads.lock().unwrap().push((Instant::now(), after.clone()));
    let script = state.list_scripts.lock().unwrap().pop_front();
    let response = match script {
        Some(response) => response,
        None if state.serves_list.load(Ordering::SeqCst) => {
            let list = state.list.borrow().clone();
            list_response(&state.page(&list, after.as_deref(), Duration::ZERO).0)
        }
        None => NOT_FOUND.to_owned(),
    };
    connection.write_all(response.as_bytes()).await
}

async fn stream(connection: &mut TcpStream, state: &State, request: &str) -> std::io::Result<()> {
    let after = request.lines().find_map(|line| line.strip_prefix("last-event-id: ")).map(str::to_owned);
    state.resumed.lock().unwrap().push(after.clone());
    state.open_streams.fetch_add(1, Ordering::SeqCst);
    let _open = Open(state);
    let script = state.scripts.lock().unwrap().pop_front();
    match script {
        None => follow(connection, state, after).await,
        Some(Script::Breaks(text)) => connection.write_all(text.as_bytes()).await,
        Some(Script::Hangs(text)) => {
            connection.write_all(text.as_bytes()).await?;
            std::future::pending().await
        }
    }
}

async fn follow(connection: &mut TcpStream, state: &State, mut after: Option<String>) -> std::io::Result<()> {
    connection.write_all(EVENTS.as_bytes()).await?;
    let mut changes = state.list.subscribe();
    let ends = changes.borrow().ends;
    loop {
        let list = changes.borrow_and_update().clone();
        if list.ends > ends {
            return Ok(());
        }
        let (text, cursor, more) = state.page(&list, after.as_deref(), list.lag);
        if !list.is_silent {
            connection.write_all(event(&text).as_bytes()).await?;
            after = Some(cursor);
        }
        if !more || list.is_silent {
            tokio::time::timeout(HEARTBEAT, changes.changed()).await.ok();
        }
    }
}

/// Counts an open stream until its connection is closed.
struct Open<'a>(&'a State);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The response to a poll of the list, with this page.
pub(crate) fn list_response(page: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/revocations+jwt\r\nconnection: close";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len())
}

/// The headers of an event stream, and these events.
pub(crate) fn events(events: &[String]) -> String {
    format!("{EVENTS}{}", events.concat())
}
