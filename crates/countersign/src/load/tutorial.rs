//! The conversations of the tutorial's API, which its original understands too.

use std::collections::VecDeque;
use std::io::{Error, Result, Write};
use std::net::SocketAddr;

use countersign_core::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Connection, Conversation, Repeating, Reply};

/// A pair as `POST /getTokens` and `POST /refreshToken` answer it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// The access token.
    pub access_token: Secret<String>,
    /// The refresh token.
    pub refresh_token: Secret<String>,
}

/// What to sign in with; `None` is the demo user of `serve --dev`.
pub type Credentials = Option<(String, Secret<String>)>;

/// How many sign-ins are in flight while a load is prepared: hashing passwords is made to be slow.
const AT_ONCE: usize = 4;

/// Verifications between two refreshes in [`Mixed`]: an app that calls its API every 45 seconds and
/// refreshes every quarter of an hour.
const VERIFICATIONS: u32 = 19;

/// Signs in `count` times.
///
/// # Errors
///
/// When the server cannot be reached, or refuses.
pub async fn sign_in(server: SocketAddr, credentials: &Credentials, count: usize) -> Result<Vec<Pair>> {
    let request = sign_in_request(credentials);
    let mut working = tokio::task::JoinSet::new();
    for index in 0..AT_ONCE {
        let (request, share) = (request.clone(), (count + index) / AT_ONCE);
        working.spawn(async move {
            let mut connection = Connection::open(server).await?;
            let mut pairs = Vec::with_capacity(share);
            for _ in 0..share {
                let reply = connection.exchange(&request).await?;
                pairs.push(read_pair(&reply).ok_or_else(|| refused(&reply))?);
            }
            Ok::<_, Error>(pairs)
        });
    }
    let mut pairs = Vec::with_capacity(count);
    while let Some(some) = working.join_next().await {
        pairs.extend(some??);
    }
    Ok(pairs)
}

fn refused(reply: &Reply<'_>) -> Error {
    let body = String::from_utf8_lossy(reply.body);
    Error::other(format!("signing in was answered {}: {}", reply.status, body.trim()))
}

/// The pair in an answer; `None` when it is another answer.
pub fn read_pair(reply: &Reply<'_>) -> Option<Pair> {
    serde_json::from_slice(reply.body).ok().filter(|_| reply.status == 200)
}

/// Signs in, again and again.
pub fn signing_in(credentials: &Credentials) -> Repeating {
    Repeating::new(sign_in_request(credentials))
}

/// Asks for the protected route with one access token, again and again.
pub fn verifying(access_token: &Secret<String>) -> Repeating {
    Repeating::new(verify_request(access_token))
}

/// Refreshes some sessions in turn. An answer that was lost is asked for again with the same token.
pub struct Refreshing {
    tokens: VecDeque<Secret<String>>,
}

impl Refreshing {
    /// The sessions with these refresh tokens, of which there is at least one.
    pub fn new(tokens: impl IntoIterator<Item = Secret<String>>) -> Self {
        Self { tokens: tokens.into_iter().collect() }
    }
}

impl Conversation for Refreshing {
    fn ask(&mut self, request: &mut Vec<u8>) {
        ask_to_refresh(request, self.tokens.front());
    }

    fn hear(&mut self, reply: &Reply<'_>) -> bool {
        let Some(pair) = read_pair(reply) else { return false };
        self.tokens.pop_front();
        self.tokens.push_back(pair.refresh_token);
        true
    }
}

/// Writes the request that presents a refresh token.
pub fn ask_to_refresh(request: &mut Vec<u8>, token: Option<&Secret<String>>) {
    let token = token.map_or("", |token| token.expose());
    // A token is base64url with dots and underscores: nothing in it needs escaping.
    let length = r#"{"refreshToken":""}"#.len() + token.len();
    write!(
        request,
        "POST /refreshToken HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{{\"refreshToken\":\"{token}\"}}"
    )
    .expect("writing to a vector does not fail");
}

/// What an app does: mostly calls of an API, now and then a refresh, whose access token is used from then on.
pub struct Mixed {
    refreshing: Refreshing,
    verify: Vec<u8>,
    turn: u32,
}

impl Mixed {
    /// One session.
    pub fn new(pair: Pair) -> Self {
        let verify = verify_request(&pair.access_token);
        Self { refreshing: Refreshing::new([pair.refresh_token]), verify, turn: 0 }
    }

    const fn refreshes(&self) -> bool {
        self.turn == VERIFICATIONS
    }
}

impl Conversation for Mixed {
    fn ask(&mut self, request: &mut Vec<u8>) {
        if self.refreshes() {
            self.refreshing.ask(request);
        } else {
            request.extend_from_slice(&self.verify);
        }
    }

    fn hear(&mut self, reply: &Reply<'_>) -> bool {
        if !self.refreshes() {
            self.turn += 1;
            return reply.status == 200;
        }
        let Some(pair) = read_pair(reply) else { return false };
        self.verify = verify_request(&pair.access_token);
        self.refreshing = Refreshing::new([pair.refresh_token]);
        self.turn = 0;
        true
    }
}

fn sign_in_request(credentials: &Credentials) -> Vec<u8> {
    let body = match credentials {
        None => json!({}),
        Some((username, password)) => json!({"username": username, "password": password.expose()}),
    };
    post("/getTokens", &body)
}

/// The request for the protected route with one access token.
pub fn verify_request(access_token: &Secret<String>) -> Vec<u8> {
    let token = access_token.expose();
    format!("GET /protectedRoute HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The request that takes a session back.
pub fn sign_out_request(refresh_token: &Secret<String>) -> Vec<u8> {
    post("/logout", &json!({"refreshToken": refresh_token.expose()}))
}

fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
