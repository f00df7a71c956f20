//! Measures verifiers with real processes: their speed, how soon they refuse tokens of revoked sessions, how
//! many key fetches tokens with unknown keys cause, and whether key rotations cause errors.
//!
//! All servers share one processor. This process has the clients, and runs on the other processor.

mod api;
mod holders;
mod report;
mod revoking;
mod rotating;
mod speed;
mod unknown_keys;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use tokio::runtime::{Builder, Runtime};

use crate::compare::{CLIENTS, CONNECTIONS, SERVERS};
use crate::console::say;
use crate::ours::{Form, Ours};
use crate::results::Effort;
use crate::{machine, page, process};
use revoking::{Revoking, Seen};
use rotating::Rotating;
use unknown_keys::Volley;

/// The amount of work of each part.
pub(crate) struct Plan {
    speed: Effort,
    /// Number of sessions to revoke, at the rate of the goal.
    revoked: u64,
    /// Number of tokens with unknown keys in each volley.
    unknown_keys: u64,
    volleys: unknown_keys::Volleys,
    rotations: u64,
}

/// The full measurement, for the page.
pub(crate) const WHOLE: Plan = Plan {
    speed: Effort { rounds: 3, warm_up: 3.0, seconds: 4.0 },
    revoked: revoking::PER_MINUTE,
    unknown_keys: 10_000,
    volleys: unknown_keys::Volleys::AroundCoolDown,
    rotations: 3,
};

/// A short run that only checks that everything works.
pub(crate) const QUICK: Plan = Plan {
    speed: Effort { rounds: 1, warm_up: 0.3, seconds: 0.7 },
    revoked: revoking::PER_MINUTE / 12,
    unknown_keys: 2000,
    volleys: unknown_keys::Volleys::One,
    rotations: 1,
};

/// Shared by all parts: the issuer, and the runtime of the clients.
struct Bench {
    issuer: Ours,
    runtime: Runtime,
}

/// Runs all measurements. With a page, writes the results to it; without one, checks the results.
///
/// # Errors
///
/// If a measurement fails, or if a result fails the check. With a page, a missed goal is not an error.
pub(crate) fn run(plan: &Plan, page: Option<&Path>) -> Result<()> {
    let load_before = machine::load()?;
    stay_on_clients_processor()?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let sessions = plan.revoked + 2 * CONNECTIONS;
    let bench = Bench { issuer: Ours::start(Form::Reachable, sessions, SERVERS)?, runtime };
    let fast = bench.holders(0, CONNECTIONS)?;
    let speed = speed::measure(&bench.issuer, &fast, plan.speed)?;
    say(&report::speed(&speed)?);
    let unknown_keys = unknown_keys::measure(&bench, (plan.unknown_keys, plan.volleys), &fast)?;
    say(&report::unknown_keys(&unknown_keys)?);
    let revoking = revoking::measure(&bench, CONNECTIONS, plan.revoked)?;
    say(&report::revoking(&revoking)?);
    let rotating = rotating::measure(&bench, CONNECTIONS + plan.revoked, plan.rotations)?;
    say(&report::rotating(&rotating)?);
    let text = report::whole(plan.speed, &load_before, (&speed, &revoking, &unknown_keys, &rotating))?;
    match page {
        Some(page) => page::put_between(page, "verifying", &text),
        None => check(&revoking, &unknown_keys, &rotating),
    }
}

/// Checks the properties that must hold even in a short run.
fn check(revoking: &Revoking, volleys: &[Volley], rotating: &Rotating) -> Result<()> {
    for Seen { name, missed, .. } in &revoking.seen {
        ensure!(*missed == 0, "{name} still accepted {missed} tokens of revoked sessions");
    }
    for (name, [_, others]) in &rotating.answers {
        ensure!(*others == 0, "{name} rejected {others} valid tokens");
    }
    for Volley { tokens, fetches, .. } in volleys {
        ensure!(*fetches <= 1, "{tokens} tokens with random keys caused {fetches} fetches of the key set");
    }
    Ok(())
}

/// Binds this process, and all threads that it will start, to the clients' processor.
fn stay_on_clients_processor() -> Result<()> {
    let own = std::process::id().to_string();
    process::run(Command::new("taskset").args(["--cpu-list", "--pid", &CLIENTS.0.to_string(), &own]))?;
    Ok(())
}
