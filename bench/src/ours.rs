//! Countersign itself, as it is measured: over a fleet that is there when it starts, with its usual configuration.

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

/// The longest that a start may take.
const START: Duration = Duration::from_secs(30);

/// Which of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// ES256 over its database: what `countersign serve` is.
    Durable,
    /// ES256 and no store at all.
    Storeless,
    /// HS256, as the tutorial signs.
    SharedSecret,
    /// As `Durable`, under a name at which verifiers reach it.
    Reachable,
}

/// A running server of ours.
pub(crate) struct Ours {
    pub(crate) base: SocketAddr,
    management: SocketAddr,
    /// Where its data and its fleet's plan are.
    pub(crate) directory: PathBuf,
    pub(crate) pid: u32,
    _server: Server,
}

impl Ours {
    /// Fills a new directory with `sessions` and starts a server over it.
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

    /// Starts a server over a directory that a fleet was written to.
    fn start_over(form: Form, directory: PathBuf, (home, cpu): (TempDir, Cpu)) -> Result<Self> {
        let (mut server, [base, management]) = launch(form, &directory, (home, cpu))?;
        server.wait_until(START, || http::get(base, "/livez").is_ok_and(|reply| reply.status == 200))?;
        Ok(Self { base, management, directory, pid: server.pid(), _server: server })
    }

    /// As the usual start, over a directory that is filled, and how long it took until `answers`.
    pub(crate) fn start_timed(
        form: Form,
        directory: PathBuf,
        (home, cpu): (TempDir, Cpu),
        answers: impl Fn(SocketAddr) -> bool,
    ) -> Result<(Self, Duration)> {
        let began = now();
        let (server, [base, management]) = launch(form, &directory, (home, cpu))?;
        while !answers(base) {
            ensure!(began.elapsed() < START, "the server does not answer");
            sleep(Duration::from_millis(1));
        }
        let start = began.elapsed();
        Ok((Self { base, management, directory, pid: server.pid(), _server: server }, start))
    }

    /// Its name, if it is one at which it is reached.
    pub(crate) fn name(&self) -> String {
        format!("http://{}", self.base)
    }

    /// What its metrics say under this name in all lines that contain `label`.
    pub(crate) fn counted(&self, name: &str, label: &str) -> Result<u64> {
        let metrics = http::get_text(self.management, "/metrics")?;
        let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let counts = lines.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
        counts.sum::<Result<u64, _>>().with_context(|| format!("{name} is no whole number"))
    }

    /// How often its key set was fetched.
    pub(crate) fn key_fetches(&self) -> Result<u64> {
        self.counted("countersign_http_server_request_duration_seconds_count", "/.well-known/jwks.json")
    }

    /// Lets its next key sign, whoever knows it, and has the server take that up at once.
    pub(crate) fn rotate_key(&self) -> Result<()> {
        let mut rotate = Command::new(program("countersign")?);
        rotate.args(["key", "rotate", "--now", "--data-dir", text(&self.directory)?]);
        process::run(rotate.env("COUNTERSIGN_ISSUER", self.name()))?;
        process::run(Command::new("kill").args(["-HUP", &self.pid.to_string()]))?;
        Ok(())
    }

    /// The access tokens of `count` sessions of its fleet from `first` on, each by one refresh.
    ///
    /// # Errors
    ///
    /// When a refresh does not yield a token.
    pub(crate) fn access_tokens(&self, first: u64, count: u64) -> Result<Vec<String>> {
        let fleet = Fleet::open(&self.directory)?;
        let access_token = |index| {
            let token = fleet.token(index);
            let reply =
                Post::json("/refreshToken", &json!({"refreshToken": token.expose()})).send(self.base)?;
            ensure!(reply.status == 200, "a refresh was answered {reply:?}");
            reply.body["accessToken"].as_str().map(str::to_owned).context("no access token came")
        };
        (first..first + count).map(access_token).collect()
    }
}

/// Starts the program, and says where it listens: for clients, and for its operator.
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

/// A program that is measured, which was built beside this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.exists(), "{} is not built: run cargo build --release", program.display());
    Ok(program)
}
