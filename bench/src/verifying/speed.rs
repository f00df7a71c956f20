//! The speed of verification compared with the middleware that Countersign replaces, and the time of the
//! layer alone.

use std::hint::black_box;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use axum::http::StatusCode;
use countersign_bench::guarding::Guarding;
use countersign_load::Measured;
use countersign_load::tutorial::Pair;

use super::api::Api;
use crate::compare::{CLIENTS, CONNECTIONS, SERVERS};
use crate::console::say;
use crate::job::{Job, Workload};
use crate::ours::Ours;
use crate::peers::{Form, Kind, Peer};
use crate::report::middle;
use crate::results::Effort;
use crate::usage;

/// Numbers of requests through the layer: with remembered tokens, and with full verification.
const REMEMBERED: u32 = 1_000_000;
const VERIFIED: u32 = 20_000;

/// The results of this measurement.
pub(super) struct Speed {
    pub(super) rows: Vec<Row>,
    /// The processor time that the layer adds to a request with a remembered token, in microseconds.
    pub(super) remembered: f64,
    /// The same without remembered tokens.
    pub(super) verified: f64,
}

/// The results for one API and one kind of request.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The round with the median rate in real time.
    pub(super) measured: Measured,
    /// The median of the responses per second of the API's processor time.
    pub(super) per_core: f64,
}

/// The names of the rows. The report finds results by these names.
pub(super) mod row {
    pub(crate) const OURS: &str = "axum with countersign-verify, ES256";
    pub(crate) const EMPTY: &str = "the same API, unprotected route";
    pub(crate) const NODE: &str = "Express with the package for Node, ES256";
    pub(crate) const EXPRESS: &str = "Express original, HS256";
    pub(crate) const TUNED: &str = "Express original, tuned, HS256";
}

impl Speed {
    /// Responses per second of the API's processor time.
    pub(super) fn per_core(&self, name: &str) -> Result<f64> {
        let row = self.rows.iter().find(|row| row.name == name);
        Ok(row.with_context(|| format!("{name} was not measured"))?.per_core)
    }
}

/// One measurement: the row, the process of the API, and the job of its clients.
struct Entry {
    name: &'static str,
    pid: u32,
    job: Job,
}

/// Measures all APIs in alternating rounds, and then the layer.
pub(super) fn measure(issuer: &Ours, holders: &[Pair], effort: Effort) -> Result<Speed> {
    let axum = Api::axum(issuer, None)?;
    let node = Api::express(issuer)?;
    let original = Peer::start(Kind::Express(Form::AsWritten), SERVERS)?;
    let tuned = Peer::start(Kind::Express(Form::Tuned), SERVERS)?;
    let tokens: Vec<_> = holders.iter().map(|pair| pair.access_token.expose().clone()).collect();
    let entries = [
        Entry::new(row::OURS, (axum.base, axum.pid()), Workload::Verify(tokens.clone())),
        Entry::new(row::EMPTY, (axum.base, axum.pid()), Workload::Get("/livez".to_owned())),
        Entry::new(row::NODE, (node.base, node.pid()), Workload::Verify(tokens)),
        Entry::peer(row::EXPRESS, &original)?,
        Entry::peer(row::TUNED, &tuned)?,
    ];
    let mut rounds: Vec<_> = entries.iter().map(|_| Vec::new()).collect();
    for round in 1..=effort.rounds {
        for (entry, rounds) in entries.iter().zip(&mut rounds) {
            let (measured, per_core) =
                entry.measure(effort).with_context(|| format!("measuring {}", entry.name))?;
            say(&format!(
                "round {round} of {}: {:>8.0} requests/s, {per_core:>8.0} in a second of its processor  {}",
                effort.rounds, measured.per_second, entry.name
            ));
            rounds.push((measured, per_core));
        }
    }
    let rows = entries.iter().zip(rounds).filter_map(|(entry, rounds)| Row::of(entry.name, rounds));
    Ok(Speed {
        rows: rows.collect(),
        remembered: layer(Guarding::new(64), REMEMBERED)?,
        verified: layer(Guarding::new(0), VERIFIED)?,
    })
}

impl Row {
    fn of(name: &'static str, rounds: Vec<(Measured, f64)>) -> Option<Self> {
        let (measured, mut rates): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
        rates.sort_by(f64::total_cmp);
        let per_core = *rates.get(rates.len() / 2)?;
        Some(Self { name, measured: middle(measured)?, per_core })
    }
}

impl Entry {
    fn new(name: &'static str, (server, pid): (SocketAddr, u32), workload: Workload) -> Self {
        Self {
            name,
            pid,
            job: Job { server, connections: CONNECTIONS, warm_up: 0.0, seconds: 0.0, workload },
        }
    }

    fn peer(name: &'static str, peer: &Peer) -> Result<Self> {
        let pid = peer.pid().context("the peer has no process")?;
        Ok(Self::new(name, (peer.base, pid), Workload::Verify(peer.access_tokens()?)))
    }

    /// Measures one round. The warm-up is a separate run, so that the processor time includes only the
    /// measurement.
    fn measure(&self, effort: Effort) -> Result<(Measured, f64)> {
        Job { seconds: effort.warm_up, ..self.job.clone() }.run_on(CLIENTS)?;
        let before = usage::processor_time(self.pid)?;
        let measured = Job { seconds: effort.seconds, ..self.job.clone() }.run_on(CLIENTS)?;
        let used = usage::processor_time(self.pid)? - before;
        ensure!(measured.errors == 0, "{} valid tokens were refused", measured.errors);
        ensure!(!used.is_zero(), "the responses took no processor time");
        // When the time is over, the API still responds to one request on each connection, which is not
        // counted.
        let answers = measured.requests + CONNECTIONS;
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let per_core = answers as f64 / used.as_secs_f64();
        Ok((measured, per_core))
    }
}

/// The processor time of one request through the layer, in microseconds.
fn layer(mut guarding: Guarding, turns: u32) -> Result<f64> {
    for _ in 0..turns / 10 {
        ensure!(guarding.ask() == StatusCode::OK, "the layer refused a valid token");
    }
    let before = usage::processor_time(std::process::id())?;
    for _ in 0..turns {
        black_box(guarding.ask());
    }
    let used = usage::processor_time(std::process::id())? - before;
    Ok(used.as_secs_f64() * 1e6 / f64::from(turns))
}
