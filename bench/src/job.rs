//! One measurement: a server, and the requests to it. A separate process sends them from its own processor.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use countersign_core::Secret;
use countersign_load::tutorial::{self, Refreshing};
use countersign_load::{Conversation, Load, Measured, Repeating};
use serde::{Deserialize, Serialize};

use crate::console::say;
use crate::fleet::Fleet;
use crate::oauth::Granting;
use crate::random_refreshes::RandomRefreshes;
use crate::server::Cpu;

/// The parameters of a measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) server: SocketAddr,
    pub(crate) connections: u64,
    /// Seconds of load before the measurement starts.
    pub(crate) warm_up: f64,
    /// Seconds of measurement.
    pub(crate) seconds: f64,
    pub(crate) workload: Workload,
}

/// The requests that the connections send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Workload {
    /// Refresh random sessions of the fleet in a directory: `count` sessions, starting with number `first`.
    Fleet { directory: PathBuf, first: u64, count: u64 },
    /// Refresh through the tutorial's API. Each connection has its own session.
    Refresh(Vec<String>),
    /// Refresh through a token endpoint (RFC 6749 §6). Each connection has its own session.
    Grant { path: String, client_id: String, client_secret: String, tokens: Vec<String> },
    /// Call the tutorial's protected route. Each connection uses one of the access tokens.
    Verify(Vec<String>),
    /// Send `GET` requests for a path.
    Get(String),
}

impl Job {
    /// Runs the job in a process that is bound to one processor.
    ///
    /// # Errors
    ///
    /// If the process cannot be started or fails, or if the server responds to no request.
    pub(crate) fn run_on(&self, cpu: Cpu) -> Result<Measured> {
        let program = std::env::current_exe().context("cannot determine the path of this program")?;
        let mut child = Command::new("taskset")
            .args(["--cpu-list", &cpu.0.to_string()])
            .arg(program)
            .arg("drive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the clients")?;
        let mut input = child.stdin.take().context("the client process has no standard input")?;
        input.write_all(serde_json::to_string(self)?.as_bytes())?;
        drop(input);
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "the client process exited with {}: {said}", output.status);
        let measured: Measured =
            serde_json::from_str(&said).context("the client process returned no valid result")?;
        ensure!(measured.requests > 0, "the server responded to no request: {measured:?}");
        Ok(measured)
    }

    fn conversations(&self) -> Result<Vec<Box<dyn Conversation>>> {
        let each = |index: u64, of: &[String]| {
            let index = usize::try_from(index % (of.len() as u64).max(1)).unwrap_or_default();
            of.get(index).cloned().map(Secret::new).context("the job has no tokens")
        };
        let conversation = |index: u64| -> Result<Box<dyn Conversation>> {
            Ok(match &self.workload {
                Workload::Fleet { .. } => {
                    bail!("a fleet creates the conversations of all connections together")
                }
                Workload::Refresh(tokens) => Box::new(Refreshing::new([each(index, tokens)?])),
                Workload::Verify(tokens) => Box::new(tutorial::verifying(&each(index, tokens)?)),
                Workload::Get(path) => Box::new(Repeating::get(path)),
                Workload::Grant { path, client_id, client_secret, tokens } => Box::new(Granting::new(
                    (self.server, path),
                    (client_id, client_secret),
                    each(index, tokens)?,
                )),
            })
        };
        match &self.workload {
            Workload::Fleet { directory, first, count } => {
                let fleet = Arc::new(Fleet::open(directory)?);
                Ok(RandomRefreshes::conversations(&fleet, (*first, *count), self.connections))
            }
            _ => (0..self.connections).map(conversation).collect(),
        }
    }
}

/// Runs the job that standard input describes as JSON, and writes its result as JSON to standard output.
pub(crate) async fn drive() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let job: Job = serde_json::from_str(&text).context("standard input is not a valid job")?;
    let load = Load {
        server: job.server,
        conversations: job.conversations()?,
        warm_up: Duration::from_secs_f64(job.warm_up),
        time: Duration::from_secs_f64(job.seconds),
    };
    let spinning = tokio::spawn(never_sleep());
    let measured = load.run(|_, _| {}).await?;
    spinning.abort();
    say(&serde_json::to_string(&measured)?);
    Ok(())
}

/// Keeps this process awake, which has a processor of its own. Otherwise the server would spend time to wake
/// it for every response. With a real client, the network card of the client's machine does that.
async fn never_sleep() {
    loop {
        tokio::task::yield_now().await;
    }
}
