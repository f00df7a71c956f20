//! What a verifier does, measured with real processes: how fast it is, how soon it refuses what was revoked, what
//! strangers can make it do, and whether it stumbles over new keys.
//!
//! All servers share one processor; the clients, which are this process, have the other.

mod api;
mod holders;
mod report;
mod revoking;
mod rotating;
mod speed;
mod strangers;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use tokio::runtime::{Builder, Runtime};

use crate::compare::{CLIENTS, CONNECTIONS, Effort, SERVERS};
use crate::console::say;
use crate::ours::{Form, Ours};
use crate::{machine, page, process};
use revoking::{Revoking, Seen};
use rotating::Rotating;
use strangers::Volley;

/// How much is done.
pub(crate) struct Plan {
    speed: Effort,
    /// Sessions that are revoked, at the rate of the goal.
    revoked: u64,
    /// Tokens with unknown keys, and how often so many are sent.
    strangers: u64,
    volleys: strangers::Volleys,
    rotations: u64,
}

/// As for the page.
pub(crate) const WHOLE: Plan = Plan {
    speed: Effort { rounds: 3, warm_up: 3.0, seconds: 4.0 },
    revoked: revoking::PER_MINUTE,
    strangers: 10_000,
    volleys: strangers::Volleys::AroundCoolDown,
    rotations: 3,
};

/// Shows that everything works, and no more.
pub(crate) const QUICK: Plan = Plan {
    speed: Effort { rounds: 1, warm_up: 0.3, seconds: 0.7 },
    revoked: revoking::PER_MINUTE / 12,
    strangers: 2000,
    volleys: strangers::Volleys::One,
    rotations: 1,
};

/// What all parts have: the issuer, and where clients run.
struct Bench {
    issuer: Ours,
    runtime: Runtime,
}

/// Measures, and writes the figures to a page; without one, checks what must hold.
///
/// # Errors
///
/// When something did not work at all. For a page, a goal that is missed is none.
pub(crate) fn run(plan: &Plan, page: Option<&Path>) -> Result<()> {
    let load_before = machine::load()?;
    stay_on_clients_processor()?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let sessions = plan.revoked + 2 * CONNECTIONS;
    let bench = Bench { issuer: Ours::start(Form::Reachable, sessions, SERVERS)?, runtime };
    let fast = bench.holders(0, CONNECTIONS)?;
    let speed = speed::measure(&bench.issuer, &fast, plan.speed)?;
    say(&report::speed(&speed)?);
    let strangers = strangers::measure(&bench, (plan.strangers, plan.volleys), &fast)?;
    say(&report::strangers(&strangers)?);
    let revoking = revoking::measure(&bench, CONNECTIONS, plan.revoked)?;
    say(&report::revoking(&revoking)?);
    let rotating = rotating::measure(&bench, CONNECTIONS + plan.revoked, plan.rotations)?;
    say(&report::rotating(&rotating)?);
    let text = report::whole(plan.speed, &load_before, (&speed, &revoking, &strangers, &rotating))?;
    match page {
        Some(page) => page::put_between(page, "verifying", &text),
        None => check(&revoking, &strangers, &rotating),
    }
}

/// What must hold however little is measured.
fn check(revoking: &Revoking, volleys: &[Volley], rotating: &Rotating) -> Result<()> {
    for Seen { name, missed, .. } in &revoking.seen {
        ensure!(*missed == 0, "{name} went on accepting {missed} tokens of revoked sessions");
    }
    for (name, [_, others]) in &rotating.answers {
        ensure!(*others == 0, "{name} did not accept {others} good tokens");
    }
    for Volley { tokens, fetches, .. } in volleys {
        ensure!(*fetches <= 1, "{tokens} tokens with random keys caused {fetches} fetches of the key set");
    }
    Ok(())
}

/// This process, and all threads that it will have.
fn stay_on_clients_processor() -> Result<()> {
    let own = std::process::id().to_string();
    process::run(Command::new("taskset").args(["--cpu-list", "--pid", &CLIENTS.0.to_string(), &own]))?;
    Ok(())
}
