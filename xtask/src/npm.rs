//! The packages for Node and browsers, and their tests.

use std::process::Command;

use anyhow::Result;

use crate::{process, repository};

/// Installs the exact dependencies that the package's lock file names.
pub(crate) fn install(package: &str) -> Result<()> {
    process::run(&mut npm(package, &["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
}

/// An npm command in the folder of a package.
pub(crate) fn npm(package: &str, arguments: &[&str]) -> Command {
    let mut command = process::command("npm", arguments);
    command.current_dir(repository::at(package));
    command
}
