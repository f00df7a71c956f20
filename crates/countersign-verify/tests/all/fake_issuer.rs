//! An issuer on a real port that does what it is told: rotates, fails, hangs, redirects, breaks off, comes back.
//!
//! It speaks just enough HTTP by hand that nothing between it and the verifier mends what it does.

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

use crate::support::{Time, key, piece_of, sign, sign_piece};

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
    pub(crate) manner: Mutex<Manner>,
    active: Mutex<Arc<SigningKey>>,
    pub(crate) published: Mutex<Value>,
    /// The heads of all requests.
    pub(crate) heads: Mutex<Vec<String>>,
    pub(crate) metadata_reads: AtomicU64,
    pub(crate) key_reads: AtomicU64,
    /// What each stream was resumed after.
    pub(crate) resumed: Mutex<Vec<Option<String>>>,
    pub(crate) open_streams: AtomicU64,
    /// Whether the list can be asked for, besides the stream.
    serves_list: AtomicBool,
    /// When the list was asked for, and after what.
    list_reads: Mutex<Vec<(Instant, Option<String>)>>,
    /// What the next streams say instead of the list.
    pub(crate) scripts: Mutex<VecDeque<Script>>,
    /// What is answered instead of the list when it is asked for.
    list_scripts: Mutex<VecDeque<String>>,
    list: watch::Sender<List>,
}

/// How documents are answered.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    Well,
    /// With this head and nothing else.
    Head(&'static str),
    /// With 404 at the place of RFC 8414.
    OnlyOpenId,
    /// With a connection that stays silent.
    Hangs,
    /// With a body that does not end.
    Endless,
}

/// How a stream is answered.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// With this and then the end of the connection.
    Breaks(String),
    /// With this and then nothing, for ever.
    Hangs(String),
}

#[derive(Clone, Debug, Default)]
struct List {
    entries: Vec<Value>,
    is_silent: bool,
    /// How old the pieces of streams are.
    lag: Duration,
    /// Streams that were opened when there were fewer end.
    ends: u64,
}

/// Entries in a piece.
const PIECE: usize = 1000;

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// Often, so that tests need not wait.
const HEARTBEAT: Duration = Duration::from_millis(20);

impl State {
    /// The signed piece after a cursor, where it ends, and whether there is more.
    fn piece(&self, list: &List, after: Option<&str>, lag: Duration) -> (String, String, bool) {
        let from = after.and_then(|cursor| cursor.split_once('-')?.0.parse().ok()).unwrap_or(0);
        let entries: Vec<_> = list.entries.iter().skip(from).take(PIECE).cloned().collect();
        let cursor = format!("{}-0102030405ff", from + entries.len());
        let more = from + entries.len() < list.entries.len();
        let mut piece =
            piece_of(&self.name, self.time.now().minus(lag), (after, &cursor), Value::Array(entries));
        piece["more"] = more.into();
        let active = self.active.lock().unwrap().clone();
        (sign_piece(&active, &piece), cursor, more)
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
            manner: Mutex::new(Manner::Well),
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

    /// Ends every connection; the port is free then.
    pub(crate) async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            serving.await.ok();
        }
    }

    /// Listens again where it did.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = Some(tokio::spawn(serve(listener, self.state.clone())));
    }

    /// A token of the claims, signed with the active key.
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

    pub(crate) fn behave(&self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
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

    /// Has the list answered to whoever asks for it.
    pub(crate) fn serve_list(&self) {
        self.state.serves_list.store(true, Ordering::SeqCst);
    }

    /// Whether anything more is said on streams.
    pub(crate) fn be_silent(&self, is_silent: bool) {
        self.state.list.send_modify(|list| list.is_silent = is_silent);
    }

    /// Ends the streams that follow the list now.
    /// Streams bring pieces that were signed so long ago.
    pub(crate) fn be_late(&self, by: Duration) {
        self.state.list.send_modify(|list| list.lag = by);
    }

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

/// One event of a stream.
pub(crate) fn event(data: &str) -> String {
    format!("event: revocations\nid: x\ndata: {data}\n\n")
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        connections.spawn(answer(connection, state.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// One request a connection; an error means that the other side went away.
async fn answer(mut connection: TcpStream, state: Arc<State>) -> std::io::Result<()> {
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
            let manner = state.manner.lock().unwrap().clone();
            if matches!(manner, Manner::OnlyOpenId) && path.ends_with("server") {
                return connection.write_all(NOT_FOUND.as_bytes()).await;
            }
            let body = state.metadata.lock().unwrap().to_string();
            document(&mut connection, &state, body).await
        }
        _ => connection.write_all(NOT_FOUND.as_bytes()).await,
    }
}

async fn document(connection: &mut TcpStream, state: &State, body: String) -> std::io::Result<()> {
    let manner = state.manner.lock().unwrap().clone();
    match manner {
        Manner::Well | Manner::OnlyOpenId => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let length = body.len();
            connection.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).await
        }
        Manner::Head(head) => connection.write_all(format!("{head}\r\n\r\n").as_bytes()).await,
        Manner::Hangs => std::future::pending().await,
        Manner::Endless => {
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
    let answer = match script {
        Some(answer) => answer,
        None if state.serves_list.load(Ordering::SeqCst) => {
            let list = state.list.borrow().clone();
            list_answer(&state.piece(&list, after.as_deref(), Duration::ZERO).0)
        }
        None => NOT_FOUND.to_owned(),
    };
    connection.write_all(answer.as_bytes()).await
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
    let mut news = state.list.subscribe();
    let ends = news.borrow().ends;
    loop {
        let list = news.borrow_and_update().clone();
        if list.ends > ends {
            return Ok(());
        }
        let (text, cursor, more) = state.piece(&list, after.as_deref(), list.lag);
        if !list.is_silent {
            connection.write_all(event(&text).as_bytes()).await?;
            after = Some(cursor);
        }
        if !more || list.is_silent {
            tokio::time::timeout(HEARTBEAT, news.changed()).await.ok();
        }
    }
}

/// Counts a stream until its connection is gone.
struct Open<'a>(&'a State);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The head of the answer to who asks for the list, and a piece.
pub(crate) fn list_answer(piece: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/revocations+jwt\r\nconnection: close";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{piece}", piece.len())
}

/// The head of an event stream, and these events.
pub(crate) fn events(events: &[String]) -> String {
    format!("{EVENTS}{}", events.concat())
}
