//! `bench`: measures a running server, or one that it starts.

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

/// The warm-up before each measurement, as a fraction of the measured time.
const WARM_UP: f64 = 0.2;

/// Concurrent sign-ins. Hashing a password is expensive on purpose, so more sign-ins would only wait in a queue.
const SIGN_INS_AT_ONCE: usize = 4;

/// The length of the progress bar, in steps.
const STEPS: u64 = 1000;

/// Measures the throughput of a server.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The server, such as http://localhost:3000. Default: a temporary server with --dev and an empty directory,
    /// which shares the processors of this machine with the clients.
    #[arg(long)]
    url: Option<String>,
    /// The number of clients. Each sends its next request as soon as it has a response.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// The measured time of each profile. A warm-up of a fifth of it comes first.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// The requests of the clients; may be given several times. Default: all profiles, one after another.
    #[arg(long)]
    profile: Vec<Profile>,
    /// The user to sign in. Default: the demo user of a server with --dev.
    #[arg(long)]
    username: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// `POST /getTokens`, which hashes a password, from at most four clients.
    SignIn,
    /// `POST /refreshToken`. Each client has its own session.
    Refresh,
    /// `GET /protectedRoute`. Each client has its own access token.
    Verify,
    /// Nineteen requests to the protected route, then one refresh, repeatedly.
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
            results.push((*profile, measured));
        }
        report(context, &results);
        Ok(())
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        let Some(username) = &self.username else { return Ok(None) };
        ensure!(
            self.url.is_some(),
            "--username needs --url, because the temporary server has only the demo user"
        );
        let prompt = dialoguer::Password::new().with_prompt(format!("Password of {username}"));
        let password = if std::io::stdin().is_terminal() {
            prompt.interact().context("cannot read the password")?
        } else {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .context("cannot read the password from standard input")?;
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
            .run(|part, responses| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the position is between 0 and STEPS"
                )]
                bar.set_position((part * STEPS as f64) as u64);
                bar.set_message(format!("{responses} requests"));
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

/// A temporary server. Its directory is deleted on drop.
struct Started {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Started {
    fn begin() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot create a directory for the server")?;
        let program = std::env::current_exe().context("cannot determine the path of this program")?;
        let mut child = Command::new(program)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"])
            // The clients refresh a few sessions very often.
            .env("COUNTERSIGN_THROTTLE__SESSION_BURST", "4000000000")
            .arg("--data-dir")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let output = child.stdout.take().context("the server has no standard output")?;
        let port = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.rsplit_once(" on port ")?.1.trim().parse::<u16>().ok());
        let Some(port) = port else {
            child.kill().ok();
            child.wait().ok();
            bail!("the temporary server exited during its start; run `countersign serve --dev` to see why");
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
        "`--url` must be a URL such as http://localhost:3000, without TLS, user name and password",
    )?;
    let authority = rest.trim_end_matches('/');
    let with_port = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let found = with_port.to_socket_addrs().with_context(|| format!("cannot resolve {authority}"))?.next();
    found.with_context(|| format!("{authority} has no address"))
}

/// It draws nothing if standard error is not a terminal.
fn progress_bar(profile: Profile) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>8} [{bar:40}] {msg}")
        .expect("the template is well-formed")
        .progress_chars("=> ");
    ProgressBar::new(STEPS).with_style(style).with_prefix(profile.name()).with_message("signing in")
}

fn report(context: &Context, results: &[(Profile, Measured)]) {
    for line in results.iter().flat_map(|(profile, measured)| errors(*profile, measured)) {
        output::remark(line);
    }
    if context.wants_json() {
        let members = results.iter().map(|(profile, measured)| {
            (profile.name(), serde_json::to_value(measured).expect("numbers can be JSON"))
        });
        output::json(&Value::Object(members.collect::<Map<_, _>>()));
        return;
    }
    let header = ["PROFILE", "CLIENTS", "REQUESTS/S", "P50", "P90", "P99", "P99.9", "SLOWEST", "ERRORS"];
    let rows = results.iter().map(|(profile, measured)| {
        vec![
            profile.name(),
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

/// One line for each status among the errors, and one for requests without a response.
fn errors(profile: Profile, measured: &Measured) -> Vec<String> {
    let name = profile.name();
    let line = |(status, count): (&u16, &u64)| {
        let responses = counted(*count, "response");
        let hint = match (status, profile) {
            (200, _) => " with an unexpected body",
            (429, Profile::Refresh | Profile::Mixed) => {
                ": the server limits refreshes per session; use more --connections or raise throttle.session_burst"
            }
            _ => "",
        };
        format!("{name}: {responses} {status}{hint}")
    };
    let mut lines: Vec<_> = measured.errors_by_status.iter().map(line).collect();
    let lost = measured.errors.saturating_sub(measured.errors_by_status.values().sum());
    if lost > 0 {
        lines.push(format!("{name}: {} without a response", counted(lost, "request")));
    }
    lines
}

/// A number with its noun and verb, such as `19,296 responses were`.
fn counted(count: u64, noun: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if count == 1 { format!("1 {noun} was") } else { format!("{grouped} {noun}s were") }
}

fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_listed_by_status_and_only_rejected_refreshes_have_a_hint() {
        let measured = |errors: u64, by_status: Value| -> Measured {
            serde_json::from_value(serde_json::json!({
                "connections": 1, "seconds": 1.0, "requests": 1, "per_second": 1.0, "errors": errors,
                "p50_micros": 1, "p90_micros": 1, "p99_micros": 1, "p999_micros": 1, "max_micros": 1,
                "errors_by_status": by_status,
            }))
            .unwrap()
        };
        let several = measured(1_019_304, serde_json::json!({"200": 1, "429": 1_019_296, "503": 2}));
        assert_eq!(
            errors(Profile::Refresh, &several),
            [
                "refresh: 1 response was 200 with an unexpected body",
                "refresh: 1,019,296 responses were 429: the server limits refreshes per session; use more \
                 --connections or raise throttle.session_burst",
                "refresh: 2 responses were 503",
                "refresh: 5 requests were without a response",
            ]
        );
        let rejected = measured(999, serde_json::json!({"429": 999}));
        assert_eq!(errors(Profile::SignIn, &rejected), ["sign-in: 999 responses were 429"]);
        assert!(errors(Profile::Mixed, &measured(0, serde_json::json!({}))).is_empty());
    }
}
