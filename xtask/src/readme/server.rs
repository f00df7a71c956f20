//! The server that a page starts: the built program, in the page's directory, on the ports that the page shows.

use std::fs::{self, File};
use std::net::TcpListener;
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

/// A running server. Killed when dropped.
pub(super) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it has said what the page shows.
    pub(super) fn start(home: &Path, expected: Option<&Expected>) -> Result<Self> {
        for port in PORTS {
            ensure!(
                TcpListener::bind(("127.0.0.1", port)).is_ok(),
                "port {port} is taken; stop what listens there (`ss -ltnp` names it) and run this again"
            );
        }
        let log = home.join(".server");
        let file = File::create(&log)?;
        let child = Command::new(repository::at("target/release/countersign"))
            .args(["serve", "--dev"])
            .current_dir(home)
            .env_remove("PORT")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot run the server")?;
        let mut server = Self { child, log };
        server.wait_until_it_has_said(expected)?;
        Ok(server)
    }

    /// Asks it to end, as an operator would, and waits until it has.
    pub(super) fn stop(mut self) -> Result<()> {
        // Built into bash; as a program of its own it is not on every machine.
        let kill = format!("kill -TERM {}", self.child.id());
        process::run(&mut process::command("bash", &["-c", &kill]))?;
        let started = now();
        while started.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}:\n{}", self.said()?);
                return Ok(());
            }
            sleep(PAUSE);
        }
        bail!("the server did not end within {} s after SIGTERM", STOP.as_secs())
    }

    fn wait_until_it_has_said(&mut self, expected: Option<&Expected>) -> Result<()> {
        let started = now();
        while started.elapsed() < START {
            let said = self.said()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{said}");
            }
            if expected.is_none_or(|expected| expected.has_come(&said)) {
                return Ok(());
            }
            sleep(PAUSE);
        }
        bail!("the server does not say what the page shows; it says\n{}", self.said()?)
    }

    fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
