//! A server process: it runs on one processor, logs to a file, and is stopped on drop.
//!
//! The server leads a process group, so that processes of its start script are stopped too. A guard process
//! in that group reads a pipe whose other end this program holds. The guard stops the group when the pipe
//! closes: on drop, and also if this program is interrupted or killed, when no destructor runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::console::now;

const PAUSE: Duration = Duration::from_millis(50);
/// The timeout of a stop. PostgreSQL gives its own processes five seconds.
const STOP: Duration = Duration::from_secs(10);
/// The number of log lines that an error shows.
const LOG_LINES: usize = 40;

/// The number of the processor that a server may use, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cpu(pub(crate) u16);

/// How a server is stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// With SIGKILL, for a server without resources outside its process group.
    Kill,
    /// With SIGQUIT, for a server that must stop processes outside its group and release shared memory.
    /// PostgreSQL calls this "immediate".
    Quit,
}

/// A running server.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
    _home: TempDir,
}

impl Server {
    /// Starts `command`, which [`guarded`] created. `home` is removed when the server is dropped.
    pub(crate) fn start(name: &'static str, home: TempDir, mut command: Command) -> Result<Self> {
        let log = home.path().join("log");
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log, _home: home })
    }

    /// The process ID of the server. The guard's shell has replaced itself with the server.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server is ready.
    ///
    /// # Errors
    ///
    /// If the server exits, or is not ready within `limit`. The error contains the end of its log.
    pub(crate) fn wait_until(&mut self, limit: Duration, mut is_ready: impl FnMut() -> bool) -> Result<()> {
        let started = now();
        while started.elapsed() < limit {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} exited with {status}:\n{}", self.name, self.said());
            }
            if is_ready() {
                return Ok(());
            }
            sleep(PAUSE);
        }
        bail!("{} was not ready within {} s:\n{}", self.name, limit.as_secs(), self.said())
    }

    /// The last lines of the log.
    fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let started = now();
        while started.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ending {
    /// A shell script that starts the guard, and then replaces itself with the server.
    fn script(self) -> &'static str {
        match self {
            Self::Kill => r#"exec 3<&0 </dev/null; { read -r _ <&3; kill -KILL 0; } & exec 3<&-; exec "$@""#,
            Self::Quit => r#"exec 3<&0 </dev/null; { read -r _ <&3; kill -QUIT 0; } & exec 3<&-; exec "$@""#,
        }
    }
}

/// The start of a server command. Append the program and its arguments.
pub(crate) fn guarded(cpu: Cpu, ending: Ending) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", ending.script(), "guard", "taskset", "--cpu-list", &cpu.0.to_string()]);
    command.process_group(0);
    command
}

/// A new directory for a server, in the system's directory for temporary files, with the prefix
/// `countersign-bench-`.
pub(crate) fn home() -> Result<TempDir> {
    tempfile::Builder::new().prefix("countersign-bench-").tempdir().context("cannot create a directory")
}

/// A loopback address whose port was free at the time of the call.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}

/// The directory's path as an argument.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
