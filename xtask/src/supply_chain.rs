//! Which crates may be built in: `cargo deny` with the rules of `deny.toml`.
//!
//! Bans, licences and sources are checked from what is on this machine. Known
//! vulnerabilities need RustSec's database; when it cannot be reached, the
//! check says so instead of passing in silence.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::console::{Remark, say};
use crate::{process, repository};

const VERSION: &str = "0.20.2";

/// Builds the tool once.
pub(crate) fn install() -> Result<Remark> {
    let installed = process::capture(&mut deny(&["--version"])).unwrap_or_default();
    if installed.trim().ends_with(VERSION) {
        return Ok("was there".to_owned());
    }
    process::run(&mut process::cargo(&[
        "install",
        "cargo-deny",
        "--locked",
        "--version",
        VERSION,
        "--root",
        "target/tools",
    ]))?;
    Ok(format!("built {VERSION}"))
}

/// Checks bans, licences, sources, and advisories where their database can be had.
pub(crate) fn check() -> Result<Remark> {
    process::run(&mut deny(&["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    if !process::succeeds(&mut deny(&["fetch", "db"])) {
        say(
            "The database of RustSec advisories cannot be reached from here, so known vulnerabilities were NOT checked.",
        );
        return Ok("advisories NOT checked: their database cannot be reached".to_owned());
    }
    process::run(&mut deny(&["--locked", "check", "--disable-fetch", "advisories"]))?;
    Ok("advisories checked".to_owned())
}

fn deny(arguments: &[&str]) -> Command {
    let tool: PathBuf = repository::at("target/tools/bin/cargo-deny");
    process::command(tool, arguments)
}
