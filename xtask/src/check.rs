//! Everything that must hold before a change lands, the quick steps first.
//!
//! All of it uses one profile, so that C libraries and dependencies are built
//! once. The first step that fails ends the check and says what to do.

use anyhow::Result;

use crate::console::{Remark, Steps};
use crate::{figures, fuzz, oracles, process, readme, supply_chain, test_run, tidy, tools};

/// Runs the check.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::begin();
    let all = take_all(&mut steps);
    if all.is_ok() {
        steps.show();
        figures::show()?;
    }
    all
}

fn take_all(steps: &mut Steps) -> Result<()> {
    steps.take("system tools", "Install what is named above.", tools::install)?;
    steps.take("format", "`cargo fmt --all` mends it.", format)?;
    steps.take("tidy", "Each line says how to mend it; `cargo xtask tidy` shows them again.", tidy::check)?;
    steps.take("oracles", "See tests/oracles/README.md.", oracles::install)?;
    steps.take("clippy", "Mend what is marked above.", clippy)?;
    steps.take("docs", "Mend the links and comments that are marked above.", docs)?;
    steps.take("cargo-deny", "It is built from crates.io; see the error above.", supply_chain::install)?;
    steps.take("supply chain", "deny.toml says what is allowed, and why.", supply_chain::check)?;
    steps.take("tests", "`cargo test --release --workspace NAME` runs one again.", test_run::workspace)?;
    steps
        .take("fuzz", "Make the input a test, then mend; see fuzz/README.md.", || fuzz::all(fuzz::SECONDS))?;
    steps.take("readme", "Mend the page or the server; `cargo xtask readme` runs it again.", readme::check)
}

fn format() -> Result<Remark> {
    process::run(&mut process::cargo(&["fmt", "--all", "--check"]))?;
    process::run(&mut process::cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))?;
    Ok(Remark::new())
}

fn clippy() -> Result<Remark> {
    let arguments =
        ["clippy", "--release", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(&mut process::cargo(&arguments))?;
    Ok(Remark::new())
}

fn docs() -> Result<Remark> {
    let arguments = ["doc", "--release", "--locked", "--workspace", "--no-deps"];
    process::run(process::cargo(&arguments).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Remark::new())
}
