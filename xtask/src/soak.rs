//! The long variants of tests that the check runs briefly. They take hours and print figures.

use anyhow::Result;

use crate::console::Steps;
use crate::{fuzz, oracles, test_run, tools};

/// The duration of each fuzz target. Four targets, two at a time, take ten minutes.
const FUZZ_SECONDS: u64 = 300;

/// The long tests: the step's name, the crate, a prefix of the tests' names, the variable and its value.
const LONG: [(&str, &str, &str, &str, &str); 6] = [
    ("lives", "countersign-core", "refresh::lives::", "COUNTERSIGN_LIVES", "100000"),
    ("interleavings", "countersign-store", "interleavings::", "COUNTERSIGN_INTERLEAVINGS", "5000"),
    ("conditions of writes", "countersign-store", "standings::", "COUNTERSIGN_INTERLEAVINGS", "5000"),
    ("concurrency", "countersign", "concurrency::", "COUNTERSIGN_ROUNDS", "1000"),
    ("kill rounds", "countersign", "kill::", "COUNTERSIGN_KILL_ROUNDS", "200"),
    ("sign-in timing", "countersign", "timing::", "COUNTERSIGN_TIMING_SAMPLES", "500"),
];

/// Runs all long tests and then the fuzz targets.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::begin();
    let advice = "the output above names the case; turn it into a test, then fix the code";
    steps.take("system tools", "install the tools that are named", tools::install)?;
    steps.take("oracles", "see tests/oracles/README.md", oracles::install)?;
    for (name, crate_name, tests, variable, value) in LONG {
        steps.take(name, advice, || {
            let remark = test_run::some(crate_name, &[tests], &[(variable, value)])?;
            Ok(format!("{variable}={value}, {remark}"))
        })?;
    }
    steps.take("fuzz", advice, || fuzz::all(FUZZ_SECONDS))?;
    steps.show();
    Ok(())
}
