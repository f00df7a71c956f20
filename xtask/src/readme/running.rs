//! What a page leaves running: the development server, or a block of its own.
//!
//! Each is the leader of a process group, so that what it started ends with it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::expected::Expected;
use crate::console::now;
use crate::{process, repository};

/// What the pages show.
const PORTS: [u16; 2] = [3000, 9000];
/// A new data directory, with keys and a hashed password, takes well under a second.
const START: Duration = Duration::from_secs(20);
/// Longer than a drain takes by default.
const STOP: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// A running program. Killed when dropped.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
    /// Whether it has to end well when it is asked to end.
    is_server: bool,
}

impl Running {
    /// Starts the server: the built program, in the page's directory, on the ports that the page shows.
    pub(super) fn server(home: &Path, expected: Option<&Expected>) -> Result<Self> {
        for port in PORTS {
            ensure!(
                TcpListener::bind(("127.0.0.1", port)).is_ok(),
                "port {port} is taken; stop what listens there (`ss -ltnp` names it) and run this again"
            );
        }
        let mut server = Command::new(repository::at("target/release/countersign"));
        Self::start(server.args(["serve", "--dev"]), home, ".server", true)?.once_it_has_said(expected)
    }

    /// Starts a block in a shell of its own, where the page's shell is and with what `exports` says that it has exported.
    pub(super) fn block(
        (text, line): (&str, usize),
        exports: &str,
        home: &Path,
        expected: Option<&Expected>,
    ) -> Result<Self> {
        let mut shell = Command::new("bash");
        shell.args(["--noprofile", "--norc", "-c", &format!("{exports}\ncd \"$PWD\"\n{text}")]);
        Self::start(&mut shell, home, &format!(".line-{line}"), false)?.once_it_has_said(expected)
    }

    fn start(command: &mut Command, home: &Path, log: &str, is_server: bool) -> Result<Self> {
        let log = home.join(log);
        let file = File::create(&log)?;
        let command = command.current_dir(home).env_remove("PORT").env_remove("DATABASE_URL");
        let command = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let child = command.spawn().context("cannot run it")?;
        Ok(Self { child, log, is_server })
    }

    /// Asks it to end, as an operator would, and waits until it has.
    pub(super) fn stop(mut self) -> Result<()> {
        ensure!(self.signal("TERM"), "it had ended before it was asked to:\n{}", self.said()?);
        let started = now();
        while started.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success() || !self.is_server,
                    "the server ended with {status}:\n{}",
                    self.said()?
                );
                return Ok(());
            }
            sleep(PAUSE);
        }
        bail!("it did not end within {} s after SIGTERM:\n{}", STOP.as_secs(), self.said()?)
    }

    fn once_it_has_said(mut self, expected: Option<&Expected>) -> Result<Self> {
        let started = now();
        while started.elapsed() < START {
            let said = self.said()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}:\n{said}");
            }
            if expected.is_none_or(|expected| expected.has_come(&said)) {
                return Ok(self);
            }
            sleep(PAUSE);
        }
        bail!("it does not say what the page shows; it says\n{}", self.said()?)
    }

    fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Signals the group. `kill` is built into bash; as a program of its own it is not on every machine.
    fn signal(&self, name: &str) -> bool {
        let kill = format!("kill -{name} -- -{}", self.child.id());
        process::succeeds(&mut process::command("bash", &["-c", &kill]))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}
