//! What people copy to protect an API, against the real server: the recipes below `examples/` with the libraries
//! that they stand on, and the packages for Node and browsers.

use anyhow::Result;

use crate::console::{Remark, say};
use crate::{npm, pages, process, repository, tools};

/// The packages for other languages. What the one for browsers does in a real browser is tried with the lab.
const CLIENTS: [&str; 2] = ["clients/node", "clients/browser"];

/// Runs everything.
pub(crate) fn run() -> Result<()> {
    say(&tools::install()?);
    check_clients()?;
    say(&check()?);
    say(&pages::check()?);
    Ok(())
}

/// Tests the packages for other languages on their own.
pub(crate) fn check_clients() -> Result<Remark> {
    for package in CLIENTS {
        npm::install(package)?;
        process::run(&mut npm::npm(package, &["test"]))?;
    }
    Ok(CLIENTS.join(", "))
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
