//! Which crates may be built in: `cargo deny` with the rules of `deny.toml`.
//!
//! Bans, licences and sources are checked from what is on this machine. Known
//! vulnerabilities need RustSec's database; when it cannot be reached, the
//! check says so instead of passing in silence.

use anyhow::Result;

use crate::cargo_tool::CargoTool;
use crate::console::{Remark, say};
use crate::process;

const DENY: CargoTool = CargoTool { name: "cargo-deny", version: "0.20.2", flags: &[] };

/// Builds the tool once.
pub(crate) fn install() -> Result<Remark> {
    DENY.install()
}

/// Checks bans, licences, sources, and advisories where their database can be had.
pub(crate) fn check() -> Result<Remark> {
    let rules = ["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    process::run(&mut DENY.command(&rules))?;
    if !process::succeeds(&mut DENY.command(&["fetch", "db"])) {
        say(
            "The database of RustSec advisories cannot be reached from here, so known vulnerabilities were NOT checked.",
        );
        return Ok("advisories NOT checked: their database cannot be reached".to_owned());
    }
    process::run(&mut DENY.command(&["--locked", "check", "--disable-fetch", "advisories"]))?;
    Ok("advisories checked".to_owned())
}
