//! The comparison: everybody on one processor, the same clients on another, in alternating rounds.
//!
//! All servers stand ready and idle while one of them is measured. What is
//! reported is the median of the rounds; a ratio is of two medians.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use countersign::load::Measured;
use serde::{Deserialize, Serialize};

use crate::console::say;
use crate::job::{Job, Says};
use crate::ours::{Form, Ours};
use crate::parts::Parts;
use crate::peers::{self, Dialect, Kind, Peer};
use crate::process;
use crate::report;
use crate::server::Cpu;

/// Servers have this processor to themselves, clients the other.
pub(crate) const SERVERS: Cpu = Cpu(0);
pub(crate) const CLIENTS: Cpu = Cpu(1);

/// The sessions that the clients of one round refresh at random. A later round has others: who refreshed
/// these last is gone, and took the newest tokens along.
const SESSIONS: u64 = 10_000;

/// Clients at once.
pub(crate) const CONNECTIONS: u64 = 64;

/// How long, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) warm_up: f64,
    pub(crate) seconds: f64,
}

/// What was measured, by the name of the row in the report.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) rounds: BTreeMap<String, Vec<Measured>>,
    /// In microseconds: signature, commit, amortised commit.
    pub(crate) parts: [f64; 3],
}

/// Names of rows, which the report looks up.
pub(crate) mod row {
    pub(crate) const REFRESH: &str = "Countersign, ES256, durable";
    pub(crate) const STORELESS: &str = "Countersign without a store, ES256";
    pub(crate) const LONE: &str = "Countersign, one client";
    pub(crate) const EMPTY: &str = "an empty handler of the same stack";
    pub(crate) const EXPRESS: &str = "Express, secrets as strings";
    pub(crate) const TUNED: &str = "Express, tuned";
    pub(crate) const OIDC_PROVIDER: &str = "oidc-provider, in memory";
    pub(crate) const KEYCLOAK: &str = "Keycloak on PostgreSQL";
    pub(crate) const VERIFY_HS256: &str = "Countersign, HS256, protected route";
    pub(crate) const VERIFY_ES256: &str = "Countersign, ES256, protected route";
    pub(crate) const VERIFY_EXPRESS: &str = "Express, secrets as strings, protected route";
    pub(crate) const VERIFY_TUNED: &str = "Express, tuned, protected route";
}

/// Something to measure: its row, and what its clients do.
struct Entry {
    row: &'static str,
    job: Job,
}

/// Measures everybody, and writes the report below `docs`.
pub(crate) fn run(kinds: &[Kind], effort: Effort, docs: &Path) -> Result<()> {
    let mut results = Results::default();
    // One slice for many clients and one for a lone one, every round; and one for access tokens.
    let slices = 2 * effort.rounds as u64 + 1;
    let durable = Ours::start(Form::Durable, slices * SESSIONS, SERVERS)?;
    let storeless = Ours::start(Form::Storeless, SESSIONS, SERVERS)?;
    let shared = Ours::start(Form::SharedSecret, CONNECTIONS, SERVERS)?;
    let mut entries = ours(&durable, &storeless, &shared, effort)?;
    let mut standing = Vec::new();
    for kind in kinds {
        let peer = Peer::start(*kind, SERVERS)?;
        peer.prove().with_context(|| format!("{} does not do the work", peer.name))?;
        say(&format!("{} is ready", peer.name));
        entries.extend(theirs(*kind, &peer, effort)?);
        standing.push(peer);
    }
    for round in 1..=effort.rounds {
        for entry in &mut entries {
            let measured = entry.job.run_on(CLIENTS).with_context(|| format!("measuring {}", entry.row))?;
            say(&format!(
                "round {round} of {}: {:>8.0} requests/s, p99 {:>7.2} ms, {} errors  {}",
                effort.rounds,
                measured.per_second,
                report::millis(measured.p99_micros),
                measured.errors,
                entry.row
            ));
            results.rounds.entry(entry.row.to_owned()).or_default().push(measured);
            entry.renew(&standing)?;
        }
        let parts = measure_parts(&durable.directory)?;
        results.parts = if round == 1 { parts } else { average(results.parts, parts) };
        std::fs::write(process::at("target/comparison.json"), serde_json::to_string_pretty(&results)?)?;
    }
    report::write(&results, effort, docs)
}

/// Measures our server with and without its store, in short alternating rounds: for who tunes it.
pub(crate) fn ratio(rounds: usize) -> Result<()> {
    let effort = Effort { rounds, warm_up: 1.0, seconds: 3.0 };
    let durable = Ours::start(Form::Durable, rounds as u64 * 2 * SESSIONS, SERVERS)?;
    let storeless = Ours::start(Form::Storeless, SESSIONS, SERVERS)?;
    let mut entries = [
        Entry::fleet(row::REFRESH, &durable, CONNECTIONS, 0, effort),
        Entry::fleet(row::STORELESS, &storeless, CONNECTIONS, 0, effort),
    ];
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (entry, rates) in entries.iter_mut().zip(&mut rates) {
            let measured = entry.job.run_on(CLIENTS)?;
            say(&format!(
                "{:>8.0} requests/s, p50 {:.2} ms, p99 {:.2} ms, {} errors  {}",
                measured.per_second,
                report::millis(measured.p50_micros),
                report::millis(measured.p99_micros),
                measured.errors,
                entry.row
            ));
            rates.push(measured.per_second);
            entry.renew(&[])?;
        }
    }
    let [durable, storeless] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    say(&format!(
        "{:.1} % ({:.1} us a refresh, of which {:.1} us for the store)",
        durable / storeless * 100.0,
        1e6 / durable,
        1e6 / durable - 1e6 / storeless
    ));
    Ok(())
}

impl Entry {
    /// Refreshing sessions of a server's fleet, those of one slice.
    fn fleet(row: &'static str, server: &Ours, connections: u64, slice: u64, effort: Effort) -> Self {
        let says =
            Says::Fleet { directory: server.directory.clone(), first: slice * SESSIONS, count: SESSIONS };
        Self::new(row, server.base, (connections, effort), says)
    }

    fn new(row: &'static str, server: SocketAddr, (connections, effort): (u64, Effort), says: Says) -> Self {
        let Effort { warm_up, seconds, .. } = effort;
        Self { row, job: Job { server, connections, warm_up, seconds, says } }
    }

    /// Whoever rotates wants the newest tokens, which the clients of the last round took with them.
    fn renew(&mut self, standing: &[Peer]) -> Result<()> {
        if let Says::Fleet { first, .. } = &mut self.job.says {
            *first += if self.row == row::STORELESS { 0 } else { 2 * SESSIONS };
        }
        let Some(peer) = standing.iter().find(|peer| peer.base == self.job.server) else { return Ok(()) };
        let tokens_of = |says: &mut Vec<String>| -> Result<()> {
            *says = peer.refresh_tokens(says.len())?;
            Ok(())
        };
        match &mut self.job.says {
            Says::Refresh(tokens) | Says::Grant { tokens, .. } => tokens_of(tokens),
            Says::Fleet { .. } | Says::Verify(_) | Says::Get(_) => Ok(()),
        }
    }
}

fn ours(durable: &Ours, storeless: &Ours, shared: &Ours, effort: Effort) -> Result<Vec<Entry>> {
    let many = (CONNECTIONS, effort);
    let last_slice = 2 * effort.rounds as u64 * SESSIONS;
    let es256 = Says::Verify(durable.access_tokens(last_slice, CONNECTIONS)?);
    let hs256 = Says::Verify(shared.access_tokens(0, CONNECTIONS)?);
    Ok(vec![
        Entry::fleet(row::REFRESH, durable, CONNECTIONS, 0, effort),
        Entry::fleet(row::STORELESS, storeless, CONNECTIONS, 0, effort),
        Entry::fleet(row::LONE, durable, 1, 1, effort),
        Entry::new(row::EMPTY, durable.base, many, Says::Get("/livez".to_owned())),
        Entry::new(row::VERIFY_ES256, durable.base, many, es256),
        Entry::new(row::VERIFY_HS256, shared.base, many, hs256),
    ])
}

fn theirs(kind: Kind, peer: &Peer, effort: Effort) -> Result<Vec<Entry>> {
    // A virtual machine that compiles as it goes needs longer.
    let warm_up = if kind == Kind::Keycloak { effort.warm_up * 20.0 } else { effort.warm_up };
    let entry = |row, says| Entry::new(row, peer.base, (CONNECTIONS, Effort { warm_up, ..effort }), says);
    let tokens = peer.refresh_tokens(usize::try_from(CONNECTIONS)?)?;
    let refresh = match &peer.dialect {
        Dialect::Tutorial => Says::Refresh(tokens),
        Dialect::OAuth { path, client_id, client_secret } => Says::Grant {
            path: path.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            tokens,
        },
    };
    Ok(match kind {
        Kind::Express(peers::Form::AsWritten) => {
            vec![
                entry(row::EXPRESS, refresh),
                entry(row::VERIFY_EXPRESS, Says::Verify(peer.access_tokens()?)),
            ]
        }
        Kind::Express(peers::Form::Tuned) => {
            vec![entry(row::TUNED, refresh), entry(row::VERIFY_TUNED, Says::Verify(peer.access_tokens()?))]
        }
        Kind::OidcProvider => vec![entry(row::OIDC_PROVIDER, refresh)],
        Kind::Keycloak => vec![entry(row::KEYCLOAK, refresh)],
    })
}

/// The parts, on the servers' processor and in a process of their own.
fn measure_parts(directory: &Path) -> Result<[f64; 3]> {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &SERVERS.0.to_string()]).arg(std::env::current_exe()?);
    let said = process::run(command.arg("parts").arg(directory))?;
    serde_json::from_str(&said).context("the parts gave no result")
}

/// What the command `parts` prints.
pub(crate) fn parts(directory: &Path) -> Result<()> {
    let Parts { signature, commit, amortised_commit } = Parts::measure(directory)?;
    say(&serde_json::to_string(&[signature, commit, amortised_commit])?);
    Ok(())
}

fn average(one: [f64; 3], other: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|index| f64::midpoint(one[index], other[index]))
}
