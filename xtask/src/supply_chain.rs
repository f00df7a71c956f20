//! The crates that the binary may contain: `cargo deny` with the rules of `deny.toml`.
//!
//! Bans, licences and sources need no network. Known vulnerabilities need RustSec's database. When the database
//! is unreachable, the check passes but says that it did not look for vulnerabilities.

use anyhow::Result;

use crate::cargo_tool::CargoTool;
use crate::console::{Remark, say};
use crate::process;

const DENY: CargoTool = CargoTool { name: "cargo-deny", version: "0.20.2", flags: &[] };

/// Builds cargo-deny, unless it is installed.
pub(crate) fn install() -> Result<Remark> {
    DENY.install()
}

/// Checks bans, licences and sources, and advisories if their database is reachable.
pub(crate) fn check() -> Result<Remark> {
    let rules = ["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    process::run(&mut DENY.command(&rules))?;
    if !process::succeeds(&mut DENY.command(&["fetch", "db"])) {
        say("The database of RustSec advisories is unreachable, so known vulnerabilities were NOT checked.");
        return Ok("advisories NOT checked: their database is unreachable".to_owned());
    }
    process::run(&mut DENY.command(&["--locked", "check", "--disable-fetch", "advisories"]))?;
    Ok("advisories checked".to_owned())
}
