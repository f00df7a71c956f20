//! What people copy to protect an API, against the real server: the recipes below `examples/` with the libraries
//! that they stand on, and the package for Node.

use anyhow::Result;

use crate::console::{Remark, say};
use crate::{process, repository, tools};

/// The package for Node, and its tests.
const NODE: &str = "clients/node";

/// Runs everything.
pub(crate) fn run() -> Result<()> {
    say(&tools::install()?);
    check_clients()?;
    say(&check()?);
    Ok(())
}

/// Tests the packages for other languages on their own.
pub(crate) fn check_clients() -> Result<Remark> {
    let at = |words: &[&str]| process::run(process::command("npm", words).current_dir(repository::at(NODE)));
    at(&["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    at(&["test"])?;
    Ok("node".to_owned())
}

/// Installs what the recipes stand on, and tries every one against good and bad tokens of a real server.
pub(crate) fn check() -> Result<Remark> {
    say(&tools::install_recipes()?);
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "countersign",
        "--package",
        "countersign-example-api",
    ];
    process::run(&mut process::cargo(&build))?;
    process::run(&mut process::command("node", &["examples/install.mjs"]))?;
    let test = ["--test", "examples/guide.test.mjs", "examples/recipes.test.mjs"];
    let server = repository::at("target/release/countersign");
    process::run(process::command("node", &test).env("COUNTERSIGN_BIN", server))?;
    Ok("every recipe refused what it must".to_owned())
}
