//! Programs from crates.io that the check needs, built once into `target/tools`.

use std::process::Command;

use anyhow::Result;

use crate::console::Remark;
use crate::{process, repository};

/// Where they are installed.
const ROOT: &str = "target/tools";

/// A program, its version, and what `cargo install` is told besides.
pub(crate) struct CargoTool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) flags: &'static [&'static str],
}

impl CargoTool {
    /// Builds it, unless this very version is there.
    pub(crate) fn install(&self) -> Result<Remark> {
        let installed = process::capture(&mut self.command(&["--version"])).unwrap_or_default();
        if installed.trim().ends_with(self.version) {
            return Ok("was there".to_owned());
        }
        // Each runs for seconds, and optimising it would take minutes.
        let mut install = process::cargo(&["install", self.name, "--locked", "--version", self.version]);
        install.args(["--debug", "--root", ROOT]).args(self.flags).env("CARGO_PROFILE_DEV_DEBUG", "0");
        process::run(&mut install)?;
        Ok(format!("built {}", self.version))
    }

    /// It, with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        process::command(repository::at(ROOT).join("bin").join(self.name), arguments)
    }
}
