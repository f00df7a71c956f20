//! Every check that a change must pass, the quick ones first.
//!
//! All steps use one build profile, so C libraries and dependencies are built once. The first step that fails
//! ends the check and says what to do. Two groups of steps run in the background (see `background`): the
//! downloads, which finish before the tests begin, and builds outside the workspace, which finish last.

use anyhow::Result;

use crate::background::{Background, Work};
use crate::console::{Remark, Steps};
use crate::{figures, measure, pages, ports, process, readme, recipes, test_run, tidy, tools};

/// A step: its name, what to do when it fails, and its work.
type Step = (&'static str, &'static str, fn() -> Result<Remark>);

const FIRST: [Step; 2] = [
    ("ports", "stop the programs that use them, or run the check on another machine", ports::check),
    ("system tools", "install the tools that are named", tools::install_first),
];

const COMPILE: [Step; 4] = [
    ("format", "`cargo fmt --all` fixes it", format),
    ("tidy", "each line says how to fix it; `cargo xtask tidy` shows them again", tidy::check),
    ("clippy", "fix the code that is marked above", clippy),
    ("docs", "fix the links and comments that are marked above", docs),
];

const RUN: [Step; 7] = [
    ("tests", "`cargo test --release --workspace NAME` runs one again", test_run::workspace),
    ("features", "the command above runs one again", test_run::each_feature_alone),
    ("clients", "`npm test` in clients/node runs it again", recipes::check_clients),
    ("recipes", "`cargo xtask recipes` runs it again", recipes::check),
    ("pages", "`npm run test:browser` in tests/lab and clients/browser runs them again", pages::check),
    ("comparison", "`cargo xtask compare --quick` runs it again", measure::try_comparison),
    ("readme", "fix the page or the server; `cargo xtask readme` runs it again", readme::check),
];

/// Runs the check.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::begin();
    take_all(&mut steps)?;
    steps.show();
    figures::show()
}

fn take_all(steps: &mut Steps) -> Result<()> {
    for (name, advice, work) in FIRST {
        steps.take(name, advice, work)?;
    }
    let mut builds = Background::start(Work::Builds)?;
    let mut downloads = Background::start(Work::Downloads)?;
    let advice = "the output above says why";
    for (name, advice, work) in COMPILE {
        steps.take(name, advice, work)?;
        downloads.has_not_failed()?;
        builds.has_not_failed()?;
    }
    steps.take("downloads", advice, || downloads.finish())?;
    for (name, advice, work) in RUN {
        steps.take(name, advice, work)?;
        builds.has_not_failed()?;
    }
    steps.take("builds", advice, || builds.finish())
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
