//! Conversations with the tutorial's routes, which the tutorial's own server has too.

use std::collections::VecDeque;
use std::io::{Error, Result, Write as _};
use std::net::SocketAddr;

use countersign_token::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Connection, Conversation, Repeating, Response};

/// The body of a response to `POST /getTokens` and `POST /refreshToken`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// A JWT.
    pub access_token: Secret<String>,
    /// A token for one refresh, or for one sign-out.
    pub refresh_token: Secret<String>,
}

/// A username and a password; `None` for the demo user of `serve --dev`.
pub type Credentials = Option<(String, Secret<String>)>;

/// The number of concurrent sign-ins that prepare a load. More would only wait, because hashing a password is
/// expensive on purpose.
const AT_ONCE: usize = 4;

/// The number of verifications between two refreshes in [`Mixed`]: an app that calls its API every 45 seconds
/// and refreshes every 15 minutes.
const VERIFICATIONS: u32 = 19;

/// Signs in `count` times.
///
/// # Errors
///
/// If the server cannot be reached, or responds without a pair.
pub async fn sign_in(server: SocketAddr, credentials: &Credentials, count: usize) -> Result<Vec<Pair>> {
    let request = sign_in_request(credentials);
    let mut working = tokio::task::JoinSet::new();
    for index in 0..AT_ONCE {
        let (request, share) = (request.clone(), (count + index) / AT_ONCE);
        working.spawn(async move {
            let mut connection = Connection::open(server).await?;
            let mut pairs = Vec::with_capacity(share);
            for _ in 0..share {
                let response = connection.exchange(&request).await?;
                pairs.push(read_pair(&response).ok_or_else(|| rejected(&response))?);
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

fn rejected(response: &Response<'_>) -> Error {
    let body = String::from_utf8_lossy(response.body);
    Error::other(format!("the server responded to a sign-in with {}: {}", response.status, body.trim()))
}

/// The pair in a response with status 200; `None` for any other response.
pub fn read_pair(response: &Response<'_>) -> Option<Pair> {
    serde_json::from_slice(response.body).ok().filter(|_| response.status == 200)
}

/// Signs in repeatedly.
pub fn signing_in(credentials: &Credentials) -> Repeating {
    Repeating::new(sign_in_request(credentials))
}

/// Calls the protected route repeatedly with one access token.
pub fn verifying(access_token: &Secret<String>) -> Repeating {
    Repeating::new(verify_request(access_token))
}

/// Refreshes some sessions in turn. After a lost response, it sends the same token again.
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
    fn write_request(&mut self, request: &mut Vec<u8>) {
        write_refresh_request(request, self.tokens.front().expect("there is at least one session"));
    }

    fn accept(&mut self, response: &Response<'_>) -> bool {
        let Some(pair) = read_pair(response) else { return false };
        self.tokens.pop_front();
        self.tokens.push_back(pair.refresh_token);
        true
    }
}

/// The requests of an app: mostly calls of an API, and now and then a refresh, whose access token is used from
/// then on.
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
    fn write_request(&mut self, request: &mut Vec<u8>) {
        if self.refreshes() {
            self.refreshing.write_request(request);
        } else {
            request.extend_from_slice(&self.verify);
        }
    }

    fn accept(&mut self, response: &Response<'_>) -> bool {
        if !self.refreshes() {
            self.turn += 1;
            return response.status == 200;
        }
        let Some(pair) = read_pair(response) else { return false };
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

/// Appends the request that presents a refresh token.
pub fn write_refresh_request(request: &mut Vec<u8>, token: &Secret<String>) {
    let token = token.expose();
    // A token is base64url with dots and underscores, which need no escaping in JSON.
    let length = r#"{"refreshToken":""}"#.len() + token.len();
    write!(
        request,
        "POST /refreshToken HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{{\"refreshToken\":\"{token}\"}}"
    )
    .expect("writing to a vector does not fail");
}

/// The request for the protected route with one access token.
pub fn verify_request(access_token: &Secret<String>) -> Vec<u8> {
    let token = access_token.expose();
    format!("GET /protectedRoute HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The request that revokes a session.
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
