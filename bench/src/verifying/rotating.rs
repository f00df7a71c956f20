//! The issuer changes its signing key while tokens are verified as fast as they can be, each as soon as it is issued.
//!
//! A key is rotated without the hour that the issuer would wait for verifiers to learn the next one; what stands in
//! for that hour is the time in which the API fetches keys anyway.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign::load::Connection;
use countersign::load::tutorial::{self, Pair};
use countersign_core::Secret;
use countersign_token::unverified;
use tokio::task::JoinSet;

use super::Bench;
use super::api::{Api, Caller};
use crate::compare::CONNECTIONS;
use crate::console::now;

/// As often as the API can be told to fetch keys; as long, the package for Node waits before it asks for one more key.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// How long the load goes on before the first rotation and after the last.
const MARGIN: Duration = Duration::from_secs(2);

/// The server takes a new key up at once.
const TAKE_UP: Duration = Duration::from_secs(10);

/// Connections to the API of Express, which is there to see whether it stumbles, and not how fast it is.
const FEW: u64 = 4;

/// What was measured.
pub(super) struct Rotating {
    pub(super) rotations: u64,
    pub(super) took: Duration,
    /// Tokens that were issued meanwhile.
    pub(super) issued: u64,
    pub(super) fetches: u64,
    /// By API: good answers, and others.
    pub(super) answers: Vec<(&'static str, [u64; 2])>,
}

/// What the tasks share.
struct Field {
    /// The newest access token of each session.
    tokens: Vec<Mutex<Secret<String>>>,
    /// The newest of all.
    newest: Mutex<Secret<String>>,
    issued: AtomicU64,
    /// By API: good answers, and others.
    answers: [[AtomicU64; 2]; 2],
    is_over: AtomicBool,
}

/// Rotates so many times, with the sessions of the fleet from `first` on.
///
/// # Errors
///
/// When no token was accepted, or the server does not change its key.
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

/// Returns when a token is there that the new key has signed.
fn rotate(bench: &Bench, field: &Field) -> Result<()> {
    let before = field.newest_key()?;
    bench.issuer.rotate_key()?;
    let asked = now();
    while field.newest_key()? == before {
        ensure!(asked.elapsed() < TAKE_UP, "the server goes on signing with its old key");
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
        let newest = holders.last().context("there is no session")?.access_token.clone();
        Ok(Self {
            tokens: holders.iter().map(|pair| Mutex::new(pair.access_token.clone())).collect(),
            newest: Mutex::new(newest),
            issued: AtomicU64::new(0),
            answers: Default::default(),
            is_over: AtomicBool::new(false),
        })
    }

    /// Presents the newest token of one session, again and again.
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
            tutorial::ask_to_refresh(&mut request, Some(&holders[slot]));
            let reply = connection.exchange(&request).await?;
            let status = reply.status;
            let pair =
                tutorial::read_pair(&reply).with_context(|| format!("a refresh was answered {status}"))?;
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
        header["kid"].as_str().map(str::to_owned).context("a token names its key")
    }
}

fn put(place: &Mutex<Secret<String>>, token: Secret<String>) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = token;
}
