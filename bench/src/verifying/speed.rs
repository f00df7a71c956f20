//! How fast tokens are verified, beside the middleware that is replaced, and what the layer alone takes.

use std::hint::black_box;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use axum::http::StatusCode;
use countersign::load::Measured;
use countersign::load::tutorial::Pair;
use countersign_bench::guarding::Guarding;

use super::api::Api;
use crate::compare::{CLIENTS, CONNECTIONS, Effort, SERVERS};
use crate::console::say;
use crate::job::{Job, Says};
use crate::ours::Ours;
use crate::peers::{Form, Kind, Peer};
use crate::report::middle;
use crate::usage;

/// Requests that are made to know what the layer takes.
const REMEMBERED: u32 = 1_000_000;
const VERIFIED: u32 = 20_000;

/// What was measured.
pub(super) struct Speed {
    pub(super) rows: Vec<Row>,
    /// What the layer adds to a request whose token it remembers, in microseconds of a processor.
    pub(super) remembered: f64,
    /// The same, when it remembers none.
    pub(super) verified: f64,
}

/// One API, and one thing that is asked of it.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The round with the median rate on the wall.
    pub(super) measured: Measured,
    /// Answers in a second of the API's own processor time, the median.
    pub(super) per_core: f64,
}

/// Names of rows, which the report looks up.
pub(super) mod row {
    pub(crate) const OURS: &str = "axum with countersign-verify, ES256";
    pub(crate) const EMPTY: &str = "the same API, unprotected route";
    pub(crate) const NODE: &str = "Express with the package for Node, ES256";
    pub(crate) const EXPRESS: &str = "Express original, HS256";
    pub(crate) const TUNED: &str = "Express original, tuned, HS256";
}

impl Speed {
    /// Answers in a second of the API's own processor time.
    pub(super) fn per_core(&self, name: &str) -> Result<f64> {
        let row = self.rows.iter().find(|row| row.name == name);
        Ok(row.with_context(|| format!("{name} was not measured"))?.per_core)
    }
}

/// What is to be measured: the row, the process that answers, and what it is asked.
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
        Entry::new(row::OURS, (axum.base, axum.pid()), Says::Verify(tokens.clone())),
        Entry::new(row::EMPTY, (axum.base, axum.pid()), Says::Get("/livez".to_owned())),
        Entry::new(row::NODE, (node.base, node.pid()), Says::Verify(tokens)),
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
    fn new(name: &'static str, (server, pid): (SocketAddr, u32), says: Says) -> Self {
        Self { name, pid, job: Job { server, connections: CONNECTIONS, warm_up: 0.0, seconds: 0.0, says } }
    }

    fn peer(name: &'static str, peer: &Peer) -> Result<Self> {
        let pid = peer.pid().context("a peer is a process")?;
        Ok(Self::new(name, (peer.base, pid), Says::Verify(peer.access_tokens()?)))
    }

    /// One round, warmed up apart, so that only what counts is in the processor time.
    fn measure(&self, effort: Effort) -> Result<(Measured, f64)> {
        Job { seconds: effort.warm_up, ..self.job.clone() }.run_on(CLIENTS)?;
        let before = usage::processor_time(self.pid)?;
        let measured = Job { seconds: effort.seconds, ..self.job.clone() }.run_on(CLIENTS)?;
        let used = usage::processor_time(self.pid)? - before;
        ensure!(measured.errors == 0, "{} good tokens were refused", measured.errors);
        ensure!(!used.is_zero(), "the answers took no time");
        // What is under way on each connection when the time is over is answered, and not counted.
        let answers = measured.requests + CONNECTIONS;
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let per_core = answers as f64 / used.as_secs_f64();
        Ok((measured, per_core))
    }
}

/// One request through the layer, in microseconds of a processor.
fn layer(mut guarding: Guarding, turns: u32) -> Result<f64> {
    for _ in 0..turns / 10 {
        ensure!(guarding.ask() == StatusCode::OK, "the layer refused a good token");
    }
    let before = usage::processor_time(std::process::id())?;
    for _ in 0..turns {
        black_box(guarding.ask());
    }
    let used = usage::processor_time(std::process::id())? - before;
    Ok(used.as_secs_f64() * 1e6 / f64::from(turns))
}
