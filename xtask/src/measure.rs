//! Measurements. The program in `bench/` makes them; it is built together with the server that it measures.

use anyhow::Result;
use clap::Args;

use crate::console::{Remark, say};
use crate::tools::{self, Peers};
use crate::{process, repository};

/// What `compare` measures.
#[derive(Args)]
pub(crate) struct Comparison {
    /// Also compares with Keycloak, which is large to install
    #[arg(long)]
    keycloak: bool,
    /// Only shows that everything works, and writes nothing
    #[arg(long)]
    quick: bool,
}

/// Compares the server with other servers and writes docs/comparison.md.
pub(crate) fn compare(comparison: &Comparison) -> Result<()> {
    let peers = if comparison.keycloak { Peers::WithKeycloak } else { Peers::WithoutKeycloak };
    say(&tools::install()?);
    say(&tools::install_peers(peers)?);
    let flags = [("--keycloak", comparison.keycloak), ("--quick", comparison.quick)];
    let flags = flags.into_iter().filter_map(|(flag, is_set)| is_set.then_some(flag));
    bench(&["compare"].into_iter().chain(flags).collect::<Vec<_>>())
}

/// Shows that the comparison works. Its figures are meaningless.
pub(crate) fn try_comparison() -> Result<Remark> {
    compare(&Comparison { keycloak: false, quick: true })?;
    Ok("every server did the work".to_owned())
}

/// Measures ten thousand to ten million sessions, or up to `largest`, and updates docs/scale.md.
pub(crate) fn scale(largest: Option<u64>) -> Result<()> {
    say(&tools::install()?);
    let largest = largest.map(|largest| largest.to_string());
    bench(&["scale"].into_iter().chain(largest.as_deref()).collect::<Vec<_>>())
}

/// Counts the instructions of the most frequent operations and times the parts of a refresh; prints both.
pub(crate) fn parts() -> Result<()> {
    say(&tools::install()?);
    say(&tools::install_counting()?);
    bench(&["instructions"])?;
    let criterion =
        ["bench", "--profile", "release", "--locked", "--package", "countersign-bench", "--", "--noplot"];
    process::run(&mut process::cargo(&criterion))
}

/// Measures APIs that verify access tokens, each with and without our middleware; updates docs/verifying.md.
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
