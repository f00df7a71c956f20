//! Starts a Node server, and installs its packages from its lock file.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::server::{self, Cpu, Ending, Server};
use crate::{http, process};

/// The timeout of a start. On a busy machine, loading the packages takes seconds.
const START: Duration = Duration::from_secs(30);

/// A Node program.
pub(crate) struct Program<'a> {
    /// Relative to the root of the repository. The last component is the server's name.
    pub(crate) directory: &'static str,
    pub(crate) file: &'static str,
    /// The environment variables, except `PORT` and `PATH`.
    pub(crate) environment: &'a [(&'static str, &'a str)],
}

impl Program<'_> {
    /// Starts the program at a free address and waits for a response with any status. The packages must be
    /// installed.
    pub(crate) fn start(&self, cpu: Cpu) -> Result<(SocketAddr, Server)> {
        let base = server::free_address()?;
        let mut command = server::guarded(cpu, Ending::Kill);
        command
            .args(["node", self.file])
            .current_dir(process::at(self.directory))
            .env_remove("NODE_ENV")
            .env_remove("NODE_OPTIONS")
            .env("PORT", base.port().to_string())
            .envs(self.environment.iter().copied());
        let mut server = Server::start(self.name(), server::home()?, command)?;
        server.wait_until(START, || http::get(base, "/").is_ok())?;
        Ok((base, server))
    }

    /// Installs the packages, unless those of the current lock file are already installed.
    pub(super) fn install(&self) -> Result<()> {
        let directory = process::at(self.directory);
        let wanted = fs::read(directory.join("package-lock.json"))
            .with_context(|| format!("{} has no lock file", self.directory))?;
        let stamp = directory.join("node_modules/.installed-lock.json");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        process::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&directory))?;
        fs::write(stamp, wanted).context("cannot write the stamp of the installation")
    }

    fn name(&self) -> &'static str {
        self.directory.rsplit('/').next().unwrap_or(self.directory)
    }
}
