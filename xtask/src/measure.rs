//! Measuring: the program below `bench/` does it, built beside the server that it measures.

use anyhow::Result;

use crate::console::{Remark, say};
use crate::tools::{self, Peers};
use crate::{process, repository};

/// Measures the server and what it is compared with; writes docs/comparison.md.
pub(crate) fn compare(flags: &[&str]) -> Result<()> {
    let peers = if flags.contains(&"--keycloak") { Peers::WithKeycloak } else { Peers::WithoutKeycloak };
    say(&tools::install()?);
    say(&tools::install_peers(peers)?);
    bench(&[&["compare"], flags].concat())
}

/// Measures ten thousand to ten million sessions, or up to as many as the words say; completes docs/scale.md.
pub(crate) fn scale(words: &[&str]) -> Result<()> {
    say(&tools::install()?);
    bench(&[&["scale"], words].concat())
}

/// Counts the instructions of what is done most, and times the parts of a refresh; prints both.
pub(crate) fn parts() -> Result<()> {
    say(&tools::install()?);
    say(&tools::install_counting()?);
    bench(&["instructions"])?;
    let criterion =
        ["bench", "--profile", "release", "--locked", "--package", "countersign-bench", "--", "--noplot"];
    process::run(&mut process::cargo(&criterion))
}

/// Shows that the comparison works, with figures that mean nothing.
pub(crate) fn try_comparison() -> Result<Remark> {
    compare(&["--quick"])?;
    Ok("every server did the work".to_owned())
}

/// Measures APIs that verify access tokens, beside the middleware that they replace; completes docs/verifying.md.
pub(crate) fn verifying(flags: &[&str]) -> Result<()> {
    say(&tools::install()?);
    say(&tools::install_peers(Peers::WithoutKeycloak)?);
    bench(&[&["verifying"], flags].concat())
}

fn bench(arguments: &[&str]) -> Result<()> {
    let packages = ["countersign", "countersign-bench", "countersign-example-api"];
    let mut build = process::cargo(&["build", "--release", "--locked"]);
    process::run(build.args(packages.iter().flat_map(|package| ["--package", package])))?;
    let program = repository::root().join("target/release/countersign-bench");
    process::run(&mut process::command(program, arguments))
}
