//! Programs from crates.io that the check needs, built once into `target/tools`.

use std::process::Command;

use anyhow::Result;

use crate::console::Remark;
use crate::{process, repository};

/// Where `cargo install` puts them.
const ROOT: &str = "target/tools";

/// A program, its version, and further arguments for `cargo install`.
pub(crate) struct CargoTool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) flags: &'static [&'static str],
}

impl CargoTool {
    /// Builds the program, unless this version is already installed.
    pub(crate) fn install(&self) -> Result<Remark> {
        let installed = process::capture(&mut self.command(&["--version"])).unwrap_or_default();
        if installed.trim().ends_with(self.version) {
            return Ok("was installed".to_owned());
        }
        // A run takes seconds, so an unoptimised build is faster in total.
        let mut install = process::cargo(&["install", self.name, "--locked", "--version", self.version]);
        install.args(["--debug", "--root", ROOT]).args(self.flags).env("CARGO_PROFILE_DEV_DEBUG", "0");
        // The build must not wait for the lock of the workspace's target directory.
        process::run(install.env_remove("CARGO_TARGET_DIR"))?;
        Ok(format!("built {}", self.version))
    }

    /// The command that runs the program with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        process::command(repository::at(ROOT).join("bin").join(self.name), arguments)
    }
}
