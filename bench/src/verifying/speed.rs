//! How fast tokens are verified, beside the middleware that is replaced, and what the layer alone takes.

use std::hint::black_box;

use anyhow::{Context as _, Result, ensure};
use axum::http::StatusCode;
use countersign::load::Measured;
use countersign::load::tutorial::Pair;
use countersign_bench::guarding::Guarding;

use super::api::Api;
use crate::compare::{CLIENTS, CONNECTIONS, Effort, SERVERS};
use crate::console::{now, say};
use crate::job::{Job, Says};
use crate::ours::Ours;
use crate::peers::{Form, Kind, Peer};
use crate::report::middle;

/// Requests that are made to know what the layer takes.
const REMEMBERED: u32 = 500_000;
const VERIFIED: u32 = 20_000;

/// What was measured.
pub(super) struct Speed {
    /// By row, the round with the median rate.
    pub(super) rows: Vec<(&'static str, Measured)>,
    /// What the layer adds to a request whose token it remembers, in microseconds.
    pub(super) remembered: f64,
    /// The same, when it remembers none.
    pub(super) verified: f64,
}

/// Names of rows, which the report looks up.
pub(super) mod row {
    pub(crate) const OURS: &str = "axum with countersign-verify, ES256";
    pub(crate) const EMPTY: &str = "the same API, a route that is not guarded";
    pub(crate) const NODE: &str = "Express with the package for Node, ES256";
    pub(crate) const EXPRESS: &str = "Express original, HS256";
    pub(crate) const TUNED: &str = "Express original, tuned, HS256";
}

impl Speed {
    /// Answers in a second.
    pub(super) fn rate(&self, row: &str) -> Result<f64> {
        let found = self.rows.iter().find(|(name, _)| *name == row);
        Ok(found.with_context(|| format!("{row} was not measured"))?.1.per_second)
    }
}

/// Measures all APIs in alternating rounds, and then the layer.
pub(super) fn measure(issuer: &Ours, holders: &[Pair], effort: Effort) -> Result<Speed> {
    let axum = Api::axum(issuer, None)?;
    let node = Api::express(issuer)?;
    let original = Peer::start(Kind::Express(Form::AsWritten), SERVERS)?;
    let tuned = Peer::start(Kind::Express(Form::Tuned), SERVERS)?;
    let tokens: Vec<_> = holders.iter().map(|pair| pair.access_token.expose().clone()).collect();
    let Effort { rounds, warm_up, seconds } = effort;
    let job = |server, says| Job { server, connections: CONNECTIONS, warm_up, seconds, says };
    let jobs = [
        (row::OURS, job(axum.base, Says::Verify(tokens.clone()))),
        (row::EMPTY, job(axum.base, Says::Get("/livez".to_owned()))),
        (row::NODE, job(node.base, Says::Verify(tokens))),
        (row::EXPRESS, job(original.base, Says::Verify(original.access_tokens()?))),
        (row::TUNED, job(tuned.base, Says::Verify(tuned.access_tokens()?))),
    ];
    let mut measured = jobs.each_ref().map(|_| Vec::new());
    for round in 1..=rounds {
        for ((row, job), measured) in jobs.iter().zip(&mut measured) {
            let one = job.run_on(CLIENTS).with_context(|| format!("measuring {row}"))?;
            ensure!(one.errors == 0, "{} good tokens were refused by {row}", one.errors);
            say(&format!("round {round} of {rounds}: {:>8.0} requests/s  {row}", one.per_second));
            measured.push(one);
        }
    }
    let rows = jobs.iter().zip(measured).filter_map(|((row, _), rounds)| Some((*row, middle(rounds)?)));
    Ok(Speed {
        rows: rows.collect(),
        remembered: layer(Guarding::new(64), REMEMBERED)?,
        verified: layer(Guarding::new(0), VERIFIED)?,
    })
}

/// One request through the layer, in microseconds.
fn layer(mut guarding: Guarding, turns: u32) -> Result<f64> {
    for _ in 0..turns / 10 {
        ensure!(guarding.ask() == StatusCode::OK, "the layer refused a good token");
    }
    let started = now();
    for _ in 0..turns {
        black_box(guarding.ask());
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(turns))
}
