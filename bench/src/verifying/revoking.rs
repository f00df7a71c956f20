//! Revokes sessions at a steady rate, and watches some of them until the APIs refuse their tokens.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use countersign_load::Connection;
use countersign_load::tutorial::{self, Pair};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Bench;
use super::api::{Api, Caller};
use crate::usage;

/// The rate of the goal: revocations per minute.
pub(super) const PER_MINUTE: u64 = 10_000;

/// Every tenth session is watched.
const SAMPLE: u64 = 10;

/// The time between a response of a watched API and the next request.
pub(super) const PAUSE: Duration = Duration::from_millis(4);

/// A token that is still accepted this long after its session was revoked counts as missed.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Number of connections that revoke in turn, so that a slow response does not delay other revocations.
const REVOKERS: u64 = 8;

/// The results of this measurement.
pub(super) struct Revoking {
    pub(super) revoked: u64,
    /// The time from the first revocation request to the last response.
    pub(super) took: Duration,
    pub(super) seen: Vec<Seen>,
}

/// The results of one API.
pub(super) struct Seen {
    pub(super) name: &'static str,
    /// The times from the response to a revocation to the API's first 401, shortest first.
    pub(super) delays: Vec<Duration>,
    /// Number of tokens that were never refused.
    pub(super) missed: usize,
    /// Resident memory before and after, in KiB.
    pub(super) memory: [u64; 2],
}

/// The API's index, and the delay until it refused one token; `None` if it did not.
type Sighting = (usize, Option<Duration>);

/// Revokes `count` sessions of the fleet, starting with number `first`.
///
/// # Errors
///
/// If a session cannot be revoked, or if an API responds with another status than 200 or 401.
pub(super) fn measure(bench: &Bench, first: u64, count: u64) -> Result<Revoking> {
    let apis = [Api::axum(&bench.issuer, None)?, Api::express(&bench.issuer)?];
    let holders = bench.holders(first, count)?;
    let memory = || apis.iter().map(|api| usage::resident_kib(api.pid())).collect::<Result<Vec<_>>>();
    let revoked = || bench.issuer.counted("countersign_sessions_revoked_total", "");
    let (revoked_before, memory_before) = (revoked()?, memory()?);
    let addresses = apis.each_ref().map(|api| api.base);
    let (took, sightings) = bench.runtime.block_on(revoke(bench.issuer.base, &addresses, holders))?;
    let memory_after = memory()?;
    let revoked = revoked()? - revoked_before;
    ensure!(revoked == count, "only {revoked} of {count} sessions were revoked");
    let seen = apis.iter().enumerate().map(|(index, api)| {
        let mine = sightings.iter().filter(|(api, _)| *api == index).map(|(_, delay)| *delay);
        let mut delays: Vec<_> = mine.clone().flatten().collect();
        delays.sort_unstable();
        let memory = [memory_before[index], memory_after[index]];
        Seen { name: api.name, missed: mine.count() - delays.len(), delays, memory }
    });
    let seen: Vec<_> = seen.collect();
    for Seen { name, delays, .. } in &seen {
        ensure!(!delays.is_empty(), "{name} refused no token of a revoked session");
    }
    Ok(Revoking { revoked, took, seen })
}

/// One connection, which revokes each session of its share at the scheduled time.
struct Revoker {
    connection: Connection,
    apis: Vec<SocketAddr>,
    begin: Instant,
}

async fn revoke(
    issuer: SocketAddr,
    apis: &[SocketAddr],
    holders: Vec<Pair>,
) -> Result<(Duration, Vec<Sighting>)> {
    let begin = Instant::now() + Duration::from_millis(200);
    let mut shares: Vec<Vec<(u64, Pair)>> = (0..REVOKERS).map(|_| Vec::new()).collect();
    for (number, pair) in (0..).zip(holders) {
        shares[usize::try_from(number % REVOKERS)?].push((number, pair));
    }
    let mut revoking = JoinSet::new();
    for share in shares {
        let connection = Connection::open(issuer).await?;
        revoking.spawn(Revoker { connection, apis: apis.to_vec(), begin }.run(share));
    }
    let (mut end, mut sightings) = (begin, Vec::new());
    for share in revoking.join_all().await {
        let (last, watching) = share?;
        end = end.max(last);
        for sighting in watching.join_all().await {
            sightings.push(sighting?);
        }
    }
    Ok((end - begin, sightings))
}

impl Revoker {
    /// Returns when the last session was revoked, and the tasks that still watch.
    async fn run(mut self, share: Vec<(u64, Pair)>) -> Result<(Instant, JoinSet<Result<Sighting>>)> {
        let mut watching = JoinSet::new();
        let mut last = self.begin;
        for (number, pair) in share {
            let mut callers = Vec::new();
            if number % SAMPLE == 0 {
                for api in &self.apis {
                    callers.push(Caller::accepted(*api, &pair.access_token).await?);
                }
            }
            sleep_until(
                self.begin + Duration::from_secs(60) / u32::try_from(PER_MINUTE)? * u32::try_from(number)?,
            )
            .await;
            let response = self.connection.exchange(&tutorial::sign_out_request(&pair.refresh_token)).await;
            let status = response.context("the issuer closed the connection")?.status;
            ensure!(status == 204, "the issuer responded to a revocation with {status}");
            last = Instant::now();
            for (api, caller) in callers.into_iter().enumerate() {
                watching.spawn(watch(api, caller, last));
            }
        }
        Ok((last, watching))
    }
}

async fn watch(api: usize, mut caller: Caller, revoked_at: Instant) -> Result<Sighting> {
    while revoked_at.elapsed() < GIVE_UP {
        match caller.ask().await? {
            401 => return Ok((api, Some(revoked_at.elapsed()))),
            200 => sleep(PAUSE).await,
            status => bail!("the API responded to a token with {status}"),
        }
    }
    Ok((api, None))
}
