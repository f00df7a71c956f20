//! Countersign, the server that is measured. It starts with a fleet in its store, and with its default
//! configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign::system;
use serde_json::json;
use tempfile::TempDir;

use crate::console::now;
use crate::fleet::{self, Fleet, ISSUER, Plan};
use crate::http::{self, Post};
use crate::process;
use crate::server::{self, Cpu, Ending, Server, guarded, text};

/// The timeout of a start.
const START: Duration = Duration::from_secs(30);

/// The variants that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// ES256 and the database: `countersign serve`.
    Durable,
    /// ES256 without a store.
    Storeless,
    /// HS256, like the tutorial.
    SharedSecret,
    /// Like `Durable`, with an issuer URL that verifiers can reach.
    Reachable,
}

/// A running Countersign server.
pub(crate) struct Ours {
    pub(crate) base: SocketAddr,
    management: SocketAddr,
    /// The data directory, which also has the fleet's plan.
    pub(crate) directory: PathBuf,
    pub(crate) pid: u32,
    _server: Server,
}

impl Ours {
    /// Fills a new data directory with `sessions` sessions, and starts a server with it.
    pub(crate) fn start(form: Form, sessions: u64, cpu: Cpu) -> Result<Self> {
        let home = server::home()?;
        let directory = home.path().join("data");
        let each = if form == Form::Storeless { sessions } else { fleet::EACH };
        let world = system::world();
        let plan = Plan { count: sessions, each, made: world.now() };
        let fleet = Arc::new(Fleet::plan(&directory, plan, &world)?);
        if form != Form::Storeless {
            fleet.fill_directory(&directory, |_| {})?;
        }
        Self::start_over(form, directory, (home, cpu))
    }

    /// Starts a server with a directory that contains a fleet.
    fn start_over(form: Form, directory: PathBuf, (home, cpu): (TempDir, Cpu)) -> Result<Self> {
        let (mut server, [base, management]) = launch(form, &directory, (home, cpu))?;
        server.wait_until(START, || http::get(base, "/livez").is_ok_and(|reply| reply.status == 200))?;
        Ok(Self { base, management, directory, pid: server.pid(), _server: server })
    }

    /// Starts a server with a filled directory. Also returns the time until `answers` was true.
    pub(crate) fn start_timed(
        form: Form,
        directory: PathBuf,
        (home, cpu): (TempDir, Cpu),
        answers: impl Fn(SocketAddr) -> bool,
    ) -> Result<(Self, Duration)> {
        let began = now();
        let (server, [base, management]) = launch(form, &directory, (home, cpu))?;
        while !answers(base) {
            ensure!(began.elapsed() < START, "the server does not respond");
            sleep(Duration::from_millis(1));
        }
        let start = began.elapsed();
        Ok((Self { base, management, directory, pid: server.pid(), _server: server }, start))
    }

    /// The issuer URL of a `Reachable` server.
    pub(crate) fn name(&self) -> String {
        format!("http://{}", self.base)
    }

    /// The sum of a metric over all lines that contain `label`.
    pub(crate) fn counted(&self, name: &str, label: &str) -> Result<u64> {
        let metrics = http::get_text(self.management, "/metrics")?;
        let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let counts = lines.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
        counts.sum::<Result<u64, _>>().with_context(|| format!("{name} is not an integer"))
    }

    /// How often its key set was fetched.
    pub(crate) fn key_fetches(&self) -> Result<u64> {
        self.counted("countersign_http_server_request_duration_seconds_count", "/.well-known/jwks.json")
    }

    /// Rotates the signing key at once, even if verifiers do not know the next key yet, and makes the server
    /// load it.
    pub(crate) fn rotate_key(&self) -> Result<()> {
        let mut rotate = Command::new(program("countersign")?);
        rotate.args(["key", "rotate", "--now", "--data-dir", text(&self.directory)?]);
        process::run(rotate.env("COUNTERSIGN_ISSUER", self.name()))?;
        process::run(Command::new("kill").args(["-HUP", &self.pid.to_string()]))?;
        Ok(())
    }

    /// Refreshes `count` sessions of the fleet, starting with number `first`, and returns their access
    /// tokens.
    ///
    /// # Errors
    ///
    /// If a refresh does not return a token.
    pub(crate) fn access_tokens(&self, first: u64, count: u64) -> Result<Vec<String>> {
        let fleet = Fleet::open(&self.directory)?;
        let access_token = |index| {
            let token = fleet.token(index);
            let reply =
                Post::json("/refreshToken", &json!({"refreshToken": token.expose()})).send(self.base)?;
            ensure!(reply.status == 200, "the server responded to a refresh with {reply:?}");
            reply.body["accessToken"].as_str().map(str::to_owned).context("the response has no access token")
        };
        (first..first + count).map(access_token).collect()
    }
}

/// Starts the program, and returns its public and its management address.
fn launch(form: Form, directory: &Path, (home, cpu): (TempDir, Cpu)) -> Result<(Server, [SocketAddr; 2])> {
    let (base, management) = (server::free_address()?, server::free_address()?);
    let issuer = if form == Form::Reachable { format!("http://{base}") } else { ISSUER.to_owned() };
    let mut command = guarded(cpu, Ending::Kill);
    match form {
        Form::Storeless => {
            command.arg(std::env::current_exe()?).arg("storeless").arg(base.to_string()).arg(directory)
        }
        Form::Durable | Form::SharedSecret | Form::Reachable => command
            .arg(program("countersign")?)
            .args(["serve", "--listen", &base.to_string(), "--management-listen", &management.to_string()])
            .args(["--data-dir", text(directory)?])
            .env("COUNTERSIGN_ISSUER", issuer),
    };
    if form == Form::SharedSecret {
        command.env("COUNTERSIGN_ACCESS_TOKEN__ALGORITHM", "HS256");
        command.env("COUNTERSIGN_ACCESS_TOKEN__SECRET", "a secret of more than thirty-two bytes");
    }
    Ok((Server::start("countersign", home, command)?, [base, management]))
}

/// The path of a program in the directory of this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.exists(), "{} does not exist; run cargo build --release", program.display());
    Ok(program)
}
