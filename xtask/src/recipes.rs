//! Tests of the code that users copy or install to protect an API: the recipes in `examples/`, with their
//! libraries and a real server, and the packages for Node and browsers.

use std::fs;

use anyhow::Result;

use crate::console::{Remark, say};
use crate::{npm, pages, process, repository, tools};

/// The packages for other languages. `pages` runs the browser package's tests in a real browser.
const CLIENTS: [&str; 2] = ["clients/node", "clients/browser"];

/// Files that list the libraries of a recipe. Recipes in Rust use the workspace's.
const MANIFESTS: [&str; 4] = ["package.json", "requirements.txt", "go.mod", "pom.xml"];

/// Runs the tests of the packages, the recipes and the pages.
pub(crate) fn run() -> Result<()> {
    say(&tools::install_all()?);
    say(&install_packages()?);
    say(&check_clients()?);
    say(&check()?);
    say(&pages::check()?);
    Ok(())
}

/// Installs the dependencies of all npm packages, and the runtimes that the package for Node is tested with.
pub(crate) fn install_packages() -> Result<Remark> {
    for package in CLIENTS.into_iter().chain(["tests/lab"]) {
        npm::install(package)?;
    }
    let matrix = "import('./test/support/matrix.mjs').then((matrix) => matrix.installMatrix())";
    let mut install = process::command("node", &["--eval", matrix]);
    process::run(install.current_dir(repository::at("clients/node")))?;
    Ok(Remark::new())
}

/// Installs the libraries of every recipe that is not in Rust.
pub(crate) fn install_libraries() -> Result<Remark> {
    let mut names = Vec::new();
    for entry in fs::read_dir(repository::at("examples"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if MANIFESTS.iter().any(|manifest| folder.join(manifest).is_file()) {
            names.push(name);
        }
    }
    names.sort();
    for name in &names {
        process::run(&mut process::command("node", &["examples/install.mjs", name]))?;
    }
    Ok(names.join(", "))
}

/// Tests the packages for other languages without a server.
pub(crate) fn check_clients() -> Result<Remark> {
    for package in CLIENTS {
        process::run(&mut npm::npm(package, &["test"]))?;
    }
    Ok(CLIENTS.join(", "))
}

/// Installs what the recipes need, and tests each with valid and invalid tokens of a real server.
pub(crate) fn check() -> Result<Remark> {
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
    Ok("every recipe rejected what it must".to_owned())
}
