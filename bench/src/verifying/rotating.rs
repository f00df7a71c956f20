//! Rotates the issuer's signing key while APIs verify new tokens at full speed.
//!
//! A real issuer publishes the next key 65 minutes before it signs with it. This measurement waits only until
//! the API has fetched the key set at its regular interval.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_core::Secret;
use countersign_load::Connection;
use countersign_load::tutorial::{self, Pair};
use countersign_token::unverified;
use tokio::task::JoinSet;

use super::Bench;
use super::api::{Api, Caller};
use crate::compare::CONNECTIONS;
use crate::console::now;

/// The minimum interval at which the API can fetch keys. The package for Node waits equally long before it
/// fetches keys for another unknown `kid`.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// The time of load before the first rotation and after the last.
const MARGIN: Duration = Duration::from_secs(2);

/// The timeout for the server to sign with a new key, which it does at once.
const TAKE_UP: Duration = Duration::from_secs(10);

/// Number of connections to the Express API, which is checked for errors and not for speed.
const FEW: u64 = 4;

/// The results of this measurement.
pub(super) struct Rotating {
    pub(super) rotations: u64,
    pub(super) took: Duration,
    /// Number of tokens issued during the measurement.
    pub(super) issued: u64,
    pub(super) fetches: u64,
    /// For each API: the number of successful responses, and of others.
    pub(super) answers: Vec<(&'static str, [u64; 2])>,
}

/// The state that all tasks share.
struct Field {
    /// The newest access token of each session.
    tokens: Vec<Mutex<Secret<String>>>,
    /// The newest access token of all sessions.
    newest: Mutex<Secret<String>>,
    issued: AtomicU64,
    /// For each API: the number of successful responses, and of others.
    answers: [[AtomicU64; 2]; 2],
    is_over: AtomicBool,
}

/// Rotates the key `rotations` times, with the sessions of the fleet that start with number `first`.
///
/// # Errors
///
/// If an API accepted no token, or if the server does not change its key.
pub(super) fn measure(bench: &Bench, first: u64, rotations: u64) -> Result<Rotating> {
    let apis = [Api::axum(&bench.issuer, Some(REFRESH_EVERY))?, Api::express(&bench.issuer)?];
    let holders = bench.holders(first, CONNECTIONS)?;
    let field = Arc::new(Field::new(&holders)?);
    let fetches = bench.issuer.key_fetches()?;
    let started = now();
    let tasks = bench.runtime.block_on(start(&field, bench.issuer.base, (&apis, holders)))?;
    sleep(MARGIN);
    for rotation in 0..rotations {
        if rotation > 0 {
            sleep(REFRESH_EVERY + Duration::from_secs(1));
        }
        rotate(bench, &field)?;
    }
    sleep(MARGIN);
    field.is_over.store(true, Ordering::Relaxed);
    bench.runtime.block_on(tasks.join_all()).into_iter().collect::<Result<Vec<_>>>()?;
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let answers = apis.iter().zip(&field.answers).map(|(api, of)| (api.name, of.each_ref().map(count)));
    let answers: Vec<_> = answers.collect();
    for (name, [good, _]) in &answers {
        ensure!(*good > 0, "{name} accepted no token");
    }
    Ok(Rotating {
        rotations,
        took: started.elapsed(),
        issued: count(&field.issued),
        fetches: bench.issuer.key_fetches()? - fetches,
        answers,
    })
}

/// Rotates the key, and returns when the server has issued a token that the new key signed.
fn rotate(bench: &Bench, field: &Field) -> Result<()> {
    let before = field.newest_key()?;
    bench.issuer.rotate_key()?;
    let asked = now();
    while field.newest_key()? == before {
        ensure!(asked.elapsed() < TAKE_UP, "the server still signs with its old key");
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

async fn start(
    field: &Arc<Field>,
    issuer: SocketAddr,
    (apis, holders): (&[Api; 2], Vec<Pair>),
) -> Result<JoinSet<Result<()>>> {
    let mut tasks = JoinSet::new();
    for (index, (api, connections)) in apis.iter().zip([CONNECTIONS, FEW]).enumerate() {
        for connection in 0..connections {
            let slot = usize::try_from(connection)?;
            let caller = Caller::accepted(api.base, &field.token(slot)).await?;
            tasks.spawn(field.clone().verify(caller, (index, slot)));
        }
    }
    tasks.spawn(field.clone().refresh(Connection::open(issuer).await?, holders));
    Ok(tasks)
}

impl Field {
    fn new(holders: &[Pair]) -> Result<Self> {
        let newest = holders.last().context("there are no sessions")?.access_token.clone();
        Ok(Self {
            tokens: holders.iter().map(|pair| Mutex::new(pair.access_token.clone())).collect(),
            newest: Mutex::new(newest),
            issued: AtomicU64::new(0),
            answers: Default::default(),
            is_over: AtomicBool::new(false),
        })
    }

    /// Presents the newest token of one session repeatedly.
    async fn verify(self: Arc<Self>, mut caller: Caller, (api, slot): (usize, usize)) -> Result<()> {
        let [good, others] = &self.answers[api];
        while !self.is_over.load(Ordering::Relaxed) {
            caller.take(&self.token(slot));
            let number = if caller.ask().await? == 200 { good } else { others };
            number.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Refreshes the sessions in turn.
    async fn refresh(self: Arc<Self>, mut connection: Connection, holders: Vec<Pair>) -> Result<()> {
        let mut request = Vec::new();
        let mut holders: Vec<_> = holders.into_iter().map(|pair| pair.refresh_token).collect();
        for slot in (0..holders.len()).cycle() {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            request.clear();
            tutorial::write_refresh_request(&mut request, &holders[slot]);
            let response = connection.exchange(&request).await?;
            let status = response.status;
            let pair = tutorial::read_pair(&response)
                .with_context(|| format!("the server responded to a refresh with {status}"))?;
            holders[slot] = pair.refresh_token;
            put(&self.newest, pair.access_token.clone());
            put(&self.tokens[slot], pair.access_token);
            self.issued.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn token(&self, slot: usize) -> Secret<String> {
        self.tokens[slot].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The `kid` of the newest token.
    fn newest_key(&self) -> Result<String> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let header = unverified::decode(newest.expose()).context("the server issued no token")?.header;
        header["kid"].as_str().map(str::to_owned).context("the token has no kid")
    }
}

fn put(slot: &Mutex<Secret<String>>, token: Secret<String>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = token;
}
