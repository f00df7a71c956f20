//! Everything that must hold before a change lands, the quick steps first.
//!
//! All of it uses one profile, so that C libraries and dependencies are built
//! once. The first step that fails ends the check and says what to do.

use anyhow::Result;

use crate::console::{Remark, Steps};
use crate::{
    book, figures, fuzz, measure, oracles, pages, ports, process, readme, recipes, supply_chain, test_run,
    tidy, tools,
};

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
    steps.take("ports", "stop what uses them, or run the check elsewhere", ports::check)?;
    steps.take("system tools", "install what is named", tools::install)?;
    steps.take("format", "`cargo fmt --all` mends it", format)?;
    steps.take("tidy", "each line says how to mend it; `cargo xtask tidy` shows them again", tidy::check)?;
    steps.take("oracles", "see tests/oracles/README.md", oracles::install)?;
    steps.take("clippy", "mend what is marked above", clippy)?;
    steps.take("docs", "mend the links and comments that are marked above", docs)?;
    steps.take("cargo-deny", "it is built from crates.io", supply_chain::install)?;
    steps.take("supply chain", "deny.toml says what is allowed, and why", supply_chain::check)?;
    steps.take("mdbook", "it is built from crates.io", book::install)?;
    steps.take("book", "mend the page that is named above", book::check)?;
    steps.take("tests", "`cargo test --release --workspace NAME` runs one again", test_run::workspace)?;
    steps.take("features", "the command above runs one again", test_run::each_feature_alone)?;
    steps.take("fuzz", "make the input a test, then mend; see fuzz/README.md", || {
        fuzz::all(fuzz::SECONDS_OF_CHECK)
    })?;
    steps.take("clients", "`npm test` in clients/node runs it again", recipes::check_clients)?;
    steps.take("recipes", "`cargo xtask recipes` runs it again", recipes::check)?;
    steps.take(
        "pages",
        "`npm run test:browser` in tests/lab and clients/browser runs them again",
        pages::check,
    )?;
    steps.take("comparison", "`cargo xtask compare --quick` runs it again", measure::try_comparison)?;
    steps.take("readme", "mend the page or the server; `cargo xtask readme` runs it again", readme::check)
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
