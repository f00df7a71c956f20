//! One measurement: a server, and what is said to it. A process of its own does it, on a processor of its own.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use countersign::load::tutorial::{self, Refreshing};
use countersign::load::{Conversation, Load, Measured, Repeating};
use countersign_core::Secret;
use serde::{Deserialize, Serialize};

use crate::console::say;
use crate::fleet::Fleet;
use crate::oauth::Granting;
use crate::roaming::Roaming;
use crate::server::Cpu;

/// What is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) server: SocketAddr,
    pub(crate) connections: u64,
    /// How long the server is driven before anything counts, in seconds.
    pub(crate) warm_up: f64,
    /// How long what happens counts, in seconds.
    pub(crate) seconds: f64,
    pub(crate) says: Says,
}

/// What the connections say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Says {
    /// They refresh sessions of the fleet in a directory at random: those from `first` on, so many.
    Fleet { directory: PathBuf, first: u64, count: u64 },
    /// They refresh through the tutorial's API, each a session of its own.
    Refresh(Vec<String>),
    /// They refresh through a token endpoint (RFC 6749 §6), each a session of its own.
    Grant { path: String, client_id: String, client_secret: String, tokens: Vec<String> },
    /// They call the tutorial's protected route, all with the same access tokens in turn.
    Verify(Vec<String>),
    /// They get a path.
    Get(String),
}

impl Job {
    /// Does it in a process that is bound to one processor.
    pub(crate) fn run_on(&self, cpu: Cpu) -> Result<Measured> {
        let program = std::env::current_exe().context("this program cannot be found again")?;
        let mut child = Command::new("taskset")
            .args(["--cpu-list", &cpu.0.to_string()])
            .arg(program)
            .arg("drive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the clients")?;
        let mut input = child.stdin.take().context("the clients take no input")?;
        input.write_all(serde_json::to_string(self)?.as_bytes())?;
        drop(input);
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "the clients ended with {}: {said}", output.status);
        let measured: Measured = serde_json::from_str(&said).context("the clients gave no result")?;
        ensure!(measured.requests > 0, "nothing was answered: {measured:?}");
        Ok(measured)
    }

    fn conversations(&self) -> Result<Vec<Box<dyn Conversation>>> {
        let each = |index: u64, of: &[String]| {
            let index = usize::try_from(index % (of.len() as u64).max(1)).unwrap_or_default();
            of.get(index).cloned().map(Secret::new).context("there is no token to begin with")
        };
        let conversation = |index: u64| -> Result<Box<dyn Conversation>> {
            Ok(match &self.says {
                Says::Fleet { .. } => bail!("a fleet speaks for all connections at once"),
                Says::Refresh(tokens) => Box::new(Refreshing::new([each(index, tokens)?])),
                Says::Verify(tokens) => Box::new(tutorial::verifying(&each(index, tokens)?)),
                Says::Get(path) => Box::new(Repeating::get(path)),
                Says::Grant { path, client_id, client_secret, tokens } => Box::new(Granting::new(
                    (self.server, path),
                    (client_id, client_secret),
                    each(index, tokens)?,
                )),
            })
        };
        match &self.says {
            Says::Fleet { directory, first, count } => {
                let fleet = Arc::new(Fleet::open(directory)?);
                Ok(Roaming::conversations(&fleet, (*first, *count), self.connections))
            }
            _ => (0..self.connections).map(conversation).collect(),
        }
    }
}

/// Does the job that standard input describes, and writes its result to standard output.
pub(crate) async fn drive() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let job: Job = serde_json::from_str(&text).context("that is no job")?;
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

/// Keeps this process awake. Its processor is its own, and a server that had to wake it for every answer would
/// pay for what the network card of a real client's machine does.
async fn never_sleep() {
    loop {
        tokio::task::yield_now().await;
    }
}
