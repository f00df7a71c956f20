//! The tests of the workspace, run and counted.

use std::process::Command;

use anyhow::Result;

use crate::console::Remark;
use crate::{oracles, process};

/// Runs every test of the workspace.
pub(crate) fn workspace() -> Result<Remark> {
    count(&mut process::cargo(&["test", "--release", "--locked", "--workspace"]))
}

/// Compiles the server without its optional command `bench`. Compiles countersign-verify with each set of
/// features separately, and verifies a token with it.
pub(crate) fn each_feature_alone() -> Result<Remark> {
    const SERVER: [&str; 6] =
        ["check", "--release", "--locked", "--package", "countersign", "--no-default-features"];
    process::run(&mut process::cargo(&SERVER))?;
    const PACKAGE: [&str; 4] = ["--release", "--locked", "--package", "countersign-verify"];
    for features in ["", "tower", "axum", "fetch", "tracing"] {
        let features = ["--features", features];
        // Without tests, because dependencies of tests enable features of shared crates.
        process::run(process::cargo(&["check", "--lib"]).args(PACKAGE).args(features))?;
        count(process::cargo(&["test", "--test", "smoke"]).args(PACKAGE).args(features))?;
    }
    Ok("each compiles alone and verifies a token".to_owned())
}

/// Runs the tests of one crate that match `filter`, with environment variables that make them longer.
pub(crate) fn some(crate_name: &str, filter: &[&str], longer: &[(&str, &str)]) -> Result<Remark> {
    let mut command = process::cargo(&["test", "--release", "--locked", "--package", crate_name, "--"]);
    command.args(filter).arg("--nocapture").envs(longer.iter().copied());
    count(&mut command)
}

fn count(command: &mut Command) -> Result<Remark> {
    let mut passed = 0;
    process::follow(oracles::prepare(command), |line| passed += passed_in(line))?;
    anyhow::ensure!(passed > 0, "no test ran; the filter matches no test");
    Ok(format!("{passed} tests executed"))
}

/// The number of passed tests that a line of the test harness reports; 0 for any other line.
fn passed_in(line: &str) -> u64 {
    let Some(rest) = line.strip_prefix("test result: ok. ") else { return 0 };
    rest.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_result_lines_are_counted() {
        assert_eq!(passed_in("test result: ok. 41 passed; 0 failed; 1 ignored; 0 measured"), 41);
        assert_eq!(passed_in("test refresh::tests::ok. 3 passed ... ok"), 0);
    }
}
