//! What runs in browsers, in a real one against the real server: the lab, and the package that keeps pages signed in.
//!
//! One after the other, because both would otherwise be measured beside the other's load.

use anyhow::Result;

use crate::console::{Remark, say};
use crate::{npm, process, repository, tools};

/// Where the tests are, and which scripts run them.
const SUITES: [(&str, &[&str]); 2] =
    [("tests/lab", &["test", "test:browser"]), ("clients/browser", &["test:browser"])];

/// Installs the browser if it is missing, and runs the tests in it.
pub(crate) fn check() -> Result<Remark> {
    say(&tools::install_browser()?);
    process::run(&mut process::cargo(&["build", "--release", "--locked", "--package", "countersign"]))?;
    for (package, scripts) in SUITES {
        npm::install(package)?;
        for script in scripts {
            let server = repository::at("target/release/countersign");
            process::run(npm::npm(package, &["run", script]).env("COUNTERSIGN_BIN", server))?;
        }
    }
    Ok("every experiment ran to its outcome, and nobody was signed out".to_owned())
}
