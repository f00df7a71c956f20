//! `bench`: load on a running server, or on one that it starts itself.

use std::io::{BufRead, BufReader, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use countersign_core::Secret;
use countersign_load::tutorial::{self, Credentials, Mixed, Refreshing};
use countersign_load::{Conversation, Load, Measured};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::context::Context;
use super::output;

/// How long a server is driven before anything counts, as a part of the time that counts.
const WARM_UP: f64 = 0.2;

/// Sign-ins at once: hashing passwords is made to be slow, and a longer queue measures only itself.
const SIGN_INS_AT_ONCE: usize = 4;

/// The steps of the progress bar.
const STEPS: u64 = 1000;

/// Measures how much a server carries, from this machine.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The server, such as http://localhost:3000. Left out, one is started with --dev over an empty directory,
    /// on this machine's CPUs beside the load itself.
    #[arg(long)]
    url: Option<String>,
    /// How many clients ask at once, each as soon as it was answered.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// How long each profile counts, after a fifth of it to warm up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// What the clients do; may be given several times. Left out: each in turn.
    #[arg(long)]
    profile: Vec<Profile>,
    /// Whom to sign in. Left out: the demo user of a server that runs with --dev.
    #[arg(long)]
    username: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// `POST /getTokens`, which hashes a password; four clients at most.
    SignIn,
    /// `POST /refreshToken`, each client its own session.
    Refresh,
    /// `GET /protectedRoute`, each client its own access token.
    Verify,
    /// Nineteen calls of the protected route, then a refresh.
    Mixed,
}

impl Bench {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let credentials = self.credentials()?;
        let started = if self.url.is_none() { Some(Started::begin()?) } else { None };
        let server = match (&self.url, &started) {
            (Some(url), _) => resolve(url)?,
            (None, Some(started)) => started.address,
            (None, None) => bail!("there is no server to measure"),
        };
        let profiles = if self.profile.is_empty() { Profile::value_variants() } else { &self.profile };
        let mut results = Vec::new();
        for profile in profiles {
            let measured = self.measure(*profile, server, &credentials).await?;
            results.push((profile.name(), measured));
        }
        report(context, &results);
        Ok(())
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        let Some(username) = &self.username else { return Ok(None) };
        ensure!(
            self.url.is_some(),
            "--username needs --url: a server that is started here has its demo user"
        );
        let prompt = dialoguer::Password::new().with_prompt(format!("Password of {username}"));
        let password = if std::io::stdin().is_terminal() {
            prompt.interact().context("no password was given")?
        } else {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        };
        Ok(Some((username.clone(), Secret::new(password))))
    }

    async fn measure(
        &self,
        profile: Profile,
        server: SocketAddr,
        credentials: &Credentials,
    ) -> anyhow::Result<Measured> {
        let bar = progress_bar(profile);
        let connections = usize::from(self.connections);
        let conversations = profile
            .conversations(server, credentials, connections)
            .await
            .with_context(|| format!("cannot prepare the load on {server}"))?;
        let time = Duration::from_secs(self.seconds.into());
        let load = Load { server, conversations, warm_up: time.mul_f64(WARM_UP), time };
        let measured = load
            .run(|part, answered| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a part of a thousand is a small whole number"
                )]
                bar.set_position((part * STEPS as f64) as u64);
                bar.set_message(format!("{answered} requests"));
            })
            .await
            .with_context(|| format!("cannot reach {server}"))?;
        bar.finish_and_clear();
        Ok(measured)
    }
}

impl Profile {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    async fn conversations(
        self,
        server: SocketAddr,
        credentials: &Credentials,
        connections: usize,
    ) -> std::io::Result<Vec<Box<dyn Conversation>>> {
        if matches!(self, Self::SignIn) {
            let talking =
                (0..connections.min(SIGN_INS_AT_ONCE)).map(|_| boxed(tutorial::signing_in(credentials)));
            return Ok(talking.collect());
        }
        let pairs = tutorial::sign_in(server, credentials, connections).await?;
        let talking = pairs.into_iter().map(|pair| match self {
            Self::SignIn | Self::Refresh => boxed(Refreshing::new([pair.refresh_token])),
            Self::Verify => boxed(tutorial::verifying(&pair.access_token)),
            Self::Mixed => boxed(Mixed::new(pair)),
        });
        Ok(talking.collect())
    }
}

fn boxed(conversation: impl Conversation + 'static) -> Box<dyn Conversation> {
    Box::new(conversation)
}

/// A server of our own, over a directory that goes away with it.
struct Started {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Started {
    fn begin() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory for the server")?;
        let program = std::env::current_exe().context("this program cannot be found again")?;
        let mut child = Command::new(program)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"])
            // A load refreshes few sessions over and over.
            .env("COUNTERSIGN_THROTTLE__SESSION_BURST", "4000000000")
            .arg("--data-dir")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the server cannot be started")?;
        let said = child.stdout.take().context("the server says nothing")?;
        let port = BufReader::new(said)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.rsplit_once(" on port ")?.1.trim().parse::<u16>().ok());
        let Some(port) = port else {
            child.kill().ok();
            child.wait().ok();
            bail!("the server that was started here ended at once: see what `countersign serve --dev` says");
        };
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _directory: directory })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn resolve(url: &str) -> anyhow::Result<SocketAddr> {
    let rest = url.strip_prefix("http://").filter(|rest| !rest.contains(['@', '?', '#'])).context(
        "`--url` is no http:// address such as http://localhost:3000: TLS would be measured too, and a password has no \
         place in it",
    )?;
    let authority = rest.trim_end_matches('/');
    let with_port = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let found = with_port.to_socket_addrs().with_context(|| format!("cannot find {authority}"))?.next();
    found.with_context(|| format!("{authority} has no address"))
}

/// Nothing is drawn where nobody looks.
fn progress_bar(profile: Profile) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>8} [{bar:40}] {msg}")
        .expect("the template is well-formed")
        .progress_chars("=> ");
    ProgressBar::new(STEPS).with_style(style).with_prefix(profile.name()).with_message("signing in")
}

fn report(context: &Context, results: &[(String, Measured)]) {
    if context.wants_json() {
        let members = results.iter().map(|(name, measured)| {
            (name.clone(), serde_json::to_value(measured).expect("numbers are plain JSON"))
        });
        output::json(&Value::Object(members.collect::<Map<_, _>>()));
        return;
    }
    let header = ["PROFILE", "CLIENTS", "REQUESTS/S", "P50", "P90", "P99", "P99.9", "SLOWEST", "ERRORS"];
    let rows = results.iter().map(|(name, measured)| {
        vec![
            name.clone(),
            measured.connections.to_string(),
            format!("{:.0}", measured.per_second),
            millis(measured.p50_micros),
            millis(measured.p90_micros),
            millis(measured.p99_micros),
            millis(measured.p999_micros),
            millis(measured.max_micros),
            measured.errors.to_string(),
        ]
    });
    output::table(&header, rows);
}

fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}
