//! The programs that run until a page ends: the development server, or a block in the background.
//!
//! Each leads a process group, so that the programs that it started end with it.

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

/// The ports of the server on the pages.
const PORTS: [u16; 2] = [3000, 9000];
/// The longest time for a start, which creates keys and hashes a password. It usually takes less than a second.
const START: Duration = Duration::from_secs(20);
/// The longest time for an end. It is longer than the default time for draining connections.
const STOP: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// A running program, which is killed when dropped.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
    /// Whether it must end without an error after SIGTERM.
    is_server: bool,
}

impl Running {
    /// Starts the built server in the page's directory, on its default ports.
    pub(super) fn server(home: &Path, expected: Option<&Expected>) -> Result<Self> {
        for port in PORTS {
            ensure!(
                TcpListener::bind(("127.0.0.1", port)).is_ok(),
                "port {port} is in use; stop the program that uses it (`ss -ltnp` names it) and run this again"
            );
        }
        let mut server = Command::new(repository::at("target/release/countersign"));
        Self::start(server.args(["serve", "--dev"]), home, ".server", true)?.once_it_prints(expected)
    }

    /// Starts a block in a new shell. The commands in `exports` first set the variables and the directory of the
    /// page's shell.
    pub(super) fn block(
        (text, line): (&str, usize),
        exports: &str,
        home: &Path,
        expected: Option<&Expected>,
    ) -> Result<Self> {
        let mut shell = Command::new("bash");
        shell.args(["--noprofile", "--norc", "-c", &format!("{exports}\ncd \"$PWD\"\n{text}")]);
        Self::start(&mut shell, home, &format!(".line-{line}"), false)?.once_it_prints(expected)
    }

    fn start(command: &mut Command, home: &Path, log: &str, is_server: bool) -> Result<Self> {
        let log = home.join(log);
        let file = File::create(&log)?;
        let command = command.current_dir(home).env_remove("PORT").env_remove("DATABASE_URL");
        let command = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let child = command.spawn().context("cannot start the program")?;
        Ok(Self { child, log, is_server })
    }

    /// Sends SIGTERM and waits for the end.
    pub(super) fn stop(mut self) -> Result<()> {
        ensure!(self.signal("TERM"), "the program ended too early:\n{}", self.output()?);
        let started = now();
        while started.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success() || !self.is_server,
                    "the server ended with {status}:\n{}",
                    self.output()?
                );
                return Ok(());
            }
            sleep(PAUSE);
        }
        bail!("the program did not end within {} s after SIGTERM:\n{}", STOP.as_secs(), self.output()?)
    }

    fn once_it_prints(mut self, expected: Option<&Expected>) -> Result<Self> {
        let started = now();
        while started.elapsed() < START {
            let output = self.output()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended with {status}:\n{output}");
            }
            if expected.is_none_or(|expected| expected.matches_start_of(&output)) {
                return Ok(self);
            }
            sleep(PAUSE);
        }
        bail!("the program does not print what the page shows; it prints\n{}", self.output()?)
    }

    fn output(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Sends a signal to the process group. Bash has `kill` built in; not every machine has it as a program.
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
