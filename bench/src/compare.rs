//! The comparison: all servers run on one processor and the same clients on another, in alternating rounds.
//!
//! The other servers run idle while one server is measured. The report has the median of the rounds, and
//! ratios of two medians.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::console::say;
use crate::job::{Job, Workload};
use crate::ours::{Form, Ours};
use crate::parts::Parts;
use crate::peers::{self, Dialect, Kind, Peer};
use crate::process;
use crate::report;
use crate::results::{Effort, Results, row};
use crate::server::Cpu;

/// All servers run on this processor, and the clients on the other.
pub(crate) const SERVERS: Cpu = Cpu(0);
pub(crate) const CLIENTS: Cpu = Cpu(1);

/// The number of sessions that the clients of one round refresh at random. Each round uses other sessions,
/// because the newest tokens of these end with the client process.
const SESSIONS: u64 = 10_000;

/// Number of concurrent clients.
pub(crate) const CONNECTIONS: u64 = 64;

/// One measurement: its row, and the job of its clients.
struct Entry {
    row: &'static str,
    job: Job,
}

/// Measures all servers, and writes the report into the directory `docs`.
pub(crate) fn run(kinds: &[Kind], effort: Effort, docs: &Path) -> Result<()> {
    let mut results = Results::default();
    // Each round needs one slice of sessions for many clients and one for a single client. Access tokens need
    // one more.
    let slices = 2 * effort.rounds as u64 + 1;
    let durable = Ours::start(Form::Durable, slices * SESSIONS, SERVERS)?;
    let storeless = Ours::start(Form::Storeless, SESSIONS, SERVERS)?;
    let shared = Ours::start(Form::SharedSecret, CONNECTIONS, SERVERS)?;
    let mut entries = ours(&durable, &storeless, &shared, effort)?;
    let mut standing = Vec::new();
    for kind in kinds {
        let peer = Peer::start(*kind, SERVERS)?;
        peer.prove().with_context(|| format!("{} failed the check before the measurement", peer.name))?;
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

/// Measures Countersign with and without its store, in short alternating rounds, for performance tuning.
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
    /// Refreshes the sessions of one slice of a server's fleet.
    fn fleet(row: &'static str, server: &Ours, connections: u64, slice: u64, effort: Effort) -> Self {
        let workload =
            Workload::Fleet { directory: server.directory.clone(), first: slice * SESSIONS, count: SESSIONS };
        Self::new(row, server.base, (connections, effort), workload)
    }

    fn new(
        row: &'static str,
        server: SocketAddr,
        (connections, effort): (u64, Effort),
        workload: Workload,
    ) -> Self {
        let Effort { warm_up, seconds, .. } = effort;
        Self { row, job: Job { server, connections, warm_up, seconds, workload } }
    }

    /// Gets new sessions for the next round, because the newest tokens ended with the clients of the last
    /// round.
    fn renew(&mut self, standing: &[Peer]) -> Result<()> {
        if let Workload::Fleet { first, .. } = &mut self.job.workload {
            *first += if self.row == row::STORELESS { 0 } else { 2 * SESSIONS };
        }
        let Some(peer) = standing.iter().find(|peer| peer.base == self.job.server) else { return Ok(()) };
        let tokens_of = |tokens: &mut Vec<String>| -> Result<()> {
            *tokens = peer.refresh_tokens(tokens.len())?;
            Ok(())
        };
        match &mut self.job.workload {
            Workload::Refresh(tokens) | Workload::Grant { tokens, .. } => tokens_of(tokens),
            Workload::Fleet { .. } | Workload::Verify(_) | Workload::Get(_) => Ok(()),
        }
    }
}

fn ours(durable: &Ours, storeless: &Ours, shared: &Ours, effort: Effort) -> Result<Vec<Entry>> {
    let many = (CONNECTIONS, effort);
    let last_slice = 2 * effort.rounds as u64 * SESSIONS;
    let es256 = Workload::Verify(durable.access_tokens(last_slice, CONNECTIONS)?);
    let hs256 = Workload::Verify(shared.access_tokens(0, CONNECTIONS)?);
    Ok(vec![
        Entry::fleet(row::REFRESH, durable, CONNECTIONS, 0, effort),
        Entry::fleet(row::STORELESS, storeless, CONNECTIONS, 0, effort),
        Entry::fleet(row::LONE, durable, 1, 1, effort),
        Entry::new(row::EMPTY, durable.base, many, Workload::Get("/livez".to_owned())),
        Entry::new(row::VERIFY_ES256, durable.base, many, es256),
        Entry::new(row::VERIFY_HS256, shared.base, many, hs256),
    ])
}

fn theirs(kind: Kind, peer: &Peer, effort: Effort) -> Result<Vec<Entry>> {
    // Keycloak needs a longer warm-up, because the JVM compiles code while it runs.
    let warm_up = if kind == Kind::Keycloak { effort.warm_up * 20.0 } else { effort.warm_up };
    let entry =
        |row, workload| Entry::new(row, peer.base, (CONNECTIONS, Effort { warm_up, ..effort }), workload);
    let tokens = peer.refresh_tokens(usize::try_from(CONNECTIONS)?)?;
    let refresh = match &peer.dialect {
        Dialect::Tutorial => Workload::Refresh(tokens),
        Dialect::OAuth { path, client_id, client_secret } => Workload::Grant {
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
                entry(row::VERIFY_EXPRESS, Workload::Verify(peer.access_tokens()?)),
            ]
        }
        Kind::Express(peers::Form::Tuned) => {
            vec![
                entry(row::TUNED, refresh),
                entry(row::VERIFY_TUNED, Workload::Verify(peer.access_tokens()?)),
            ]
        }
        Kind::OidcProvider => vec![entry(row::OIDC_PROVIDER, refresh)],
        Kind::Keycloak => vec![entry(row::KEYCLOAK, refresh)],
    })
}

/// Measures the parts in a separate process on the servers' processor.
fn measure_parts(directory: &Path) -> Result<[f64; 3]> {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &SERVERS.0.to_string()]).arg(std::env::current_exe()?);
    let said = process::run(command.arg("parts").arg(directory))?;
    serde_json::from_str(&said).context("the process that measures the parts returned no valid result")
}

/// Prints the result of the command `parts` as JSON.
pub(crate) fn parts(directory: &Path) -> Result<()> {
    let Parts { signature, commit, amortised_commit } = Parts::measure(directory)?;
    say(&serde_json::to_string(&[signature, commit, amortised_commit])?);
    Ok(())
}

fn average(one: [f64; 3], other: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|index| f64::midpoint(one[index], other[index]))
}
