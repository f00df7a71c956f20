//! The operations whose instructions are counted. Each runs a number of turns in its own process.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use countersign_bench::refreshing::Refreshing;
use countersign_bench::signing::Signing;
use countersign_token::Algorithm;

use crate::in_process::InProcess;

/// One operation of a server.
pub(crate) struct Operation {
    /// The command-line argument for it.
    pub(crate) name: &'static str,
    /// Its name in the table.
    pub(crate) what: &'static str,
    /// The number of turns, large enough to make variations of the set-up negligible.
    pub(crate) turns: u64,
    /// How often one turn runs the operation.
    pub(crate) at_once: u64,
    /// Sets up the operation, and returns a function that runs one turn.
    prepare: fn(turns: u64) -> Result<Turn>,
}

type Turn = Box<dyn FnMut() -> Result<()>>;

/// Concurrent requests, which share commits.
const CLIENTS: u64 = 64;

/// Requests that are prepared, independent of the number that is sent.
const READY: u64 = 1024;

/// Every operation, in the order of the table.
pub(crate) const ALL: &[Operation] = &[
    alone("ratchet-step", "ratchet step", 5000, |_| refreshing(Refreshing::next_secret)),
    alone("parse", "refresh token: parse", 5000, |_| refreshing(Refreshing::parse)),
    alone("seal", "refresh token: seal", 5000, |_| refreshing(Refreshing::seal)),
    alone("rotation", "rotation: the step from a token", 5000, |_| refreshing(Refreshing::rotation)),
    alone("judge", "judge: the current token", 5000, |_| refreshing(Refreshing::judge_current)),
    alone("is-bound", "is_bound", 5000, |_| refreshing(Refreshing::is_bound)),
    alone("encode", "access token: encode the claims", 5000, |_| signing(Algorithm::Es256, Signing::encode)),
    alone("sign-es256", "ES256 sign", 500, |_| signing(Algorithm::Es256, Signing::sign)),
    alone("verify-es256", "ES256 verify", 500, |_| signing(Algorithm::Es256, Signing::verify)),
    alone("sign-hs256", "HS256 sign", 5000, |_| signing(Algorithm::Hs256, Signing::sign)),
    alone("verify-hs256", "HS256 verify", 5000, |_| signing(Algorithm::Hs256, Signing::verify)),
    alone("refresh-storeless", "`POST /refreshToken` without a store", 500, |turns| {
        requests(InProcess::storeless()?, turns, 1)
    }),
    alone("refresh", "`POST /refreshToken`, one client", 500, |turns| {
        requests(InProcess::durable()?, turns, 1)
    }),
    Operation {
        name: "refresh-64",
        what: "`POST /refreshToken`, 64 clients at once",
        turns: 8,
        at_once: CLIENTS,
        prepare: |turns| requests(InProcess::durable()?, turns, CLIENTS),
    },
];

impl Operation {
    /// Finds an operation by its name.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        ALL.iter()
            .find(|operation| operation.name == name)
            .with_context(|| format!("unknown operation `{name}`"))
    }

    /// Sets up the operation and runs `turns` turns.
    pub(crate) fn run(&self, turns: u64) -> Result<()> {
        let mut turn = (self.prepare)(turns)?;
        (0..turns).try_for_each(|_| turn())
    }
}

const fn alone(
    name: &'static str,
    what: &'static str,
    turns: u64,
    prepare: fn(turns: u64) -> Result<Turn>,
) -> Operation {
    Operation { name, what, turns, at_once: 1, prepare }
}

#[expect(clippy::unnecessary_wraps, reason = "other operations have a set-up that can fail")]
fn refreshing<T: 'static>(part: fn(&Refreshing) -> T) -> Result<Turn> {
    let refreshing = Refreshing::new();
    Ok(Box::new(move || {
        black_box(part(black_box(&refreshing)));
        Ok(())
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "other operations have a set-up that can fail")]
fn signing<T: 'static>(algorithm: Algorithm, part: fn(&Signing) -> T) -> Result<Turn> {
    let signing = Signing::new(algorithm);
    Ok(Box::new(move || {
        black_box(part(black_box(&signing)));
        Ok(())
    }))
}

/// Prepares the same number of requests for any number of turns, so that their cost cancels out in the
/// difference.
fn requests(mut server: InProcess, turns: u64, at_once: u64) -> Result<Turn> {
    let most = turns.max(READY / at_once);
    let mut batches = (0..most).map(|_| server.tokens(at_once)).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || server.refresh(batches.pop().context("there are no more prepared requests")?)))
}
