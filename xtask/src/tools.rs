//! The programs of the system that a check needs, and how to get them.
//!
//! On Debian and its kin they are installed, as root or through `sudo`.
//! Elsewhere the message says what is missing.

use anyhow::{Result, bail};

use crate::console::Remark;
use crate::process;

/// A program, how to see that it is there, and the Debian packages that bring it.
const TOOLS: [(&str, &[&str], &[&str]); 8] = [
    ("cc", &["--version"], &["gcc", "libc6-dev"]),
    ("g++", &["--version"], &["g++"]),
    ("curl", &["--version"], &["curl", "ca-certificates"]),
    ("git", &["--version"], &["git"]),
    ("node", &["--version"], &["nodejs"]),
    ("npm", &["--version"], &["npm"]),
    ("python3", &["-c", "import ensurepip, venv"], &["python3", "python3-venv"]),
    ("kill", &["-L"], &["procps"]),
];

/// Installs what is missing.
pub(crate) fn install() -> Result<Remark> {
    let packages = missing();
    if packages.is_empty() {
        return Ok("nothing was missing".to_owned());
    }
    let list = packages.join(" ");
    let Some(apt) = apt_get() else {
        bail!("these are missing: {list} (names of Debian packages). Install them and run this again");
    };
    process::run(process::command(apt[0], &apt[1..]).arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    process::run(
        process::command(apt[0], &apt[1..])
            .args(install)
            .args(&packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    let still = missing();
    if still.is_empty() {
        Ok(format!("installed {list}"))
    } else {
        bail!("still missing: {}", still.join(" "))
    }
}

fn missing() -> Vec<&'static str> {
    let is_missing = |(program, arguments, _): &&(&str, &[&str], &[&str])| {
        !process::succeeds(&mut process::command(program, arguments))
    };
    TOOLS.iter().filter(is_missing).flat_map(|(_, _, packages)| packages.iter().copied()).collect()
}

/// `apt-get` as somebody who may use it.
fn apt_get() -> Option<&'static [&'static str]> {
    if !process::succeeds(&mut process::command("apt-get", &["--version"])) {
        return None;
    }
    let user = process::capture(&mut process::command("id", &["-u"])).ok()?;
    if user.trim() == "0" {
        return Some(&["apt-get"]);
    }
    process::succeeds(&mut process::command("sudo", &["--version"])).then_some(&["sudo", "apt-get"])
}
