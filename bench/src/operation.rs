//! What instructions are counted of: each operation a number of turns in a process of its own.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use countersign_bench::refreshing::Refreshing;
use countersign_bench::signing::Signing;
use countersign_token::Algorithm;

use crate::door::Door;

/// One thing that a server does again and again.
pub(crate) struct Operation {
    /// The argument that asks for it.
    pub(crate) name: &'static str,
    /// Its line in the table.
    pub(crate) what: &'static str,
    /// As many turns as make what varies in the set-up small.
    pub(crate) turns: u64,
    /// How often it is done in one turn.
    pub(crate) at_once: u64,
    /// Sets it up; what comes back makes one turn.
    prepare: fn(turns: u64) -> Result<Turn>,
}

type Turn = Box<dyn FnMut() -> Result<()>>;

/// Requests at once where they share commits.
const CLIENTS: u64 = 64;

/// Requests that are made ready, however many are sent.
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
        requests(Door::storeless()?, turns, 1)
    }),
    alone("refresh", "`POST /refreshToken`, one client", 500, |turns| requests(Door::durable()?, turns, 1)),
    Operation {
        name: "refresh-64",
        what: "`POST /refreshToken`, 64 clients at once",
        turns: 8,
        at_once: CLIENTS,
        prepare: |turns| requests(Door::durable()?, turns, CLIENTS),
    },
];

impl Operation {
    /// The operation of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        ALL.iter()
            .find(|operation| operation.name == name)
            .with_context(|| format!("there is no operation `{name}`"))
    }

    /// Does it.
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

#[expect(clippy::unnecessary_wraps, reason = "what sets a server up can fail")]
fn refreshing<T: 'static>(part: fn(&Refreshing) -> T) -> Result<Turn> {
    let refreshing = Refreshing::new();
    Ok(Box::new(move || {
        black_box(part(black_box(&refreshing)));
        Ok(())
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "what sets a server up can fail")]
fn signing<T: 'static>(algorithm: Algorithm, part: fn(&Signing) -> T) -> Result<Turn> {
    let signing = Signing::new(algorithm);
    Ok(Box::new(move || {
        black_box(part(black_box(&signing)));
        Ok(())
    }))
}

/// The requests are made ready for as many turns as there ever are, so that this cancels out.
fn requests(mut door: Door, turns: u64, at_once: u64) -> Result<Turn> {
    let most = turns.max(READY / at_once);
    let mut batches = (0..most).map(|_| door.tokens(at_once)).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || door.refresh(batches.pop().context("there are no more turns")?)))
}
