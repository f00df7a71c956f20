//! Measures how often tokens that name unknown keys make an API fetch the issuer's key set.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::system;
use countersign_core::{Secret, World};
use countersign_load::tutorial::Pair;
use serde_json::json;
use tokio::task::JoinSet;

use super::Bench;
use super::api::{Api, Caller};
use crate::compare::CONNECTIONS;
use crate::console::now;

/// The minimum time between two fetches that tokens can cause, from the library's documentation.
const COOL_DOWN: Duration = Duration::from_secs(30);

/// When the volleys are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volleys {
    /// Once, right after the API has started.
    One,
    /// Three volleys: within the cool-down after the start, after the cool-down, and at once again.
    AroundCoolDown,
}

/// A number of tokens, which are sent one after another on each connection.
pub(super) struct Volley {
    pub(super) when: &'static str,
    pub(super) tokens: u64,
    pub(super) took: Duration,
    /// The time of the slowest response.
    pub(super) slowest: Duration,
    /// Number of fetches of the key set during the volley.
    pub(super) fetches: u64,
}

/// Starts an API, and sends the volleys to it.
///
/// # Errors
///
/// If the API did not refuse a token.
pub(super) fn measure(
    bench: &Bench,
    (tokens, volleys): (u64, Volleys),
    holders: &[Pair],
) -> Result<Vec<Volley>> {
    let good = &holders.first().context("there is no session")?.access_token;
    let api = Api::axum(&bench.issuer, None)?;
    let mut sent = vec![volley(bench, "immediately after the start", (api.base, tokens), good)?];
    if volleys == Volleys::AroundCoolDown {
        sleep(COOL_DOWN + Duration::from_secs(1));
        sent.push(volley(bench, "31 s later", (api.base, tokens), good)?);
        sent.push(volley(bench, "again, without a pause", (api.base, tokens), good)?);
    }
    Ok(sent)
}

fn volley(
    bench: &Bench,
    when: &'static str,
    (api, tokens): (SocketAddr, u64),
    good: &Secret<String>,
) -> Result<Volley> {
    let before = bench.issuer.key_fetches()?;
    let started = now();
    let slowest = bench.runtime.block_on(async {
        let mut sending = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let share = (tokens + connection) / CONNECTIONS;
            sending.spawn(send(Caller::connect(api, good).await?, share, good.expose().clone()));
        }
        let slowest = sending.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        slowest.into_iter().max().context("there were no connections")
    })?;
    let took = started.elapsed();
    let fetches = bench.issuer.key_fetches()? - before;
    Ok(Volley { when, tokens, took, slowest, fetches })
}

/// Sends `count` tokens, and returns the time of the slowest response.
async fn send(mut caller: Caller, count: u64, good: String) -> Result<Duration> {
    let world = system::world();
    let mut slowest = Duration::ZERO;
    for _ in 0..count {
        caller.take(&with_random_key(&good, &world)?);
        let asked = now();
        let status = caller.ask().await?;
        slowest = slowest.max(asked.elapsed());
        ensure!(status == 401, "the API responded to a token with an unknown key with {status}");
    }
    Ok(slowest)
}

/// The token with a random `kid`, which is as long as the server's.
fn with_random_key(good: &str, world: &World) -> Result<Secret<String>> {
    let (_, rest) = good.split_once('.').context("a token has three parts")?;
    let kid = URL_SAFE_NO_PAD.encode(world.random::<32>());
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
    Ok(Secret::new(format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))))
}
