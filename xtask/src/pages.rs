//! Tests in a real browser with the real server: the lab, and the package that keeps pages signed in.
//!
//! The two run one after the other, because the load of one would disturb the other's measurements.

use anyhow::Result;

use crate::console::Remark;
use crate::{npm, process, repository};

/// Where the tests are, and the scripts that run them.
const SUITES: [(&str, &[&str]); 2] =
    [("tests/lab", &["test", "test:browser"]), ("clients/browser", &["test:browser"])];

/// Runs the tests in the browser. Needs the browser and the npm packages.
pub(crate) fn check() -> Result<Remark> {
    process::run(&mut process::cargo(&["build", "--release", "--locked", "--package", "countersign"]))?;
    for (package, scripts) in SUITES {
        for script in scripts {
            let server = repository::at("target/release/countersign");
            process::run(npm::npm(package, &["run", script]).env("COUNTERSIGN_BIN", server))?;
        }
    }
    Ok("every experiment had its expected outcome, and no session ended by mistake".to_owned())
}
