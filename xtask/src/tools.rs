//! The programs of the system that a check or a comparison needs, and how to get them.
//!
//! On Debian and its kin they are installed, as root or through `sudo`.
//! Elsewhere the message says what is missing.

use anyhow::{Result, bail};

use crate::console::Remark;
use crate::process;

/// A program, how to see that it is there, and the Debian packages that bring it.
type Tool = (&'static str, &'static [&'static str], &'static [&'static str]);

/// What a check needs.
const TOOLS: [Tool; 12] = [
    ("cc", &["--version"], &["gcc", "libc6-dev"]),
    ("g++", &["--version"], &["g++"]),
    ("curl", &["--version"], &["curl", "ca-certificates"]),
    ("git", &["--version"], &["git"]),
    ("node", &["--version"], &["nodejs"]),
    ("npm", &["--version"], &["npm"]),
    ("python3", &["-c", "import ensurepip, venv"], &["python3", "python3-venv"]),
    ("kill", &["-L"], &["procps"]),
    // Real proxies ask the server in its tests. Debian keeps the first out of the path of users.
    ("/usr/sbin/nginx", &["-v"], &["nginx-light"]),
    ("caddy", &["version"], &["caddy"]),
    // The guide makes a certificate and a key, and has systemd read the server's unit.
    ("openssl", &["version"], &["openssl"]),
    ("systemd-analyze", &["--version"], &["systemd"]),
];

/// What the recipes for other languages stand on.
const RECIPES: [Tool; 3] = [
    ("go", &["version"], &["golang"]),
    ("javac", &["-version"], &["default-jdk-headless"]),
    ("mvn", &["--version"], &["maven"]),
];

/// What pages are tried in.
const BROWSER: [Tool; 1] = [("chromium", &["--version"], &["chromium"])];

/// What the servers for Node and their being bound to one processor need.
const PEERS: [Tool; 4] = [
    ("curl", &["--version"], &["curl", "ca-certificates"]),
    ("node", &["--version"], &["nodejs"]),
    ("npm", &["--version"], &["npm"]),
    ("taskset", &["--version"], &["util-linux"]),
];

/// What Keycloak and its database need besides.
const KEYCLOAK: [Tool; 5] = [
    // Keycloak runs on Java 17 and newer.
    ("bash", &["-c", r#"java -version 2>&1 | grep -Eq '"(1[7-9]|[2-9][0-9])'"#], &["default-jre-headless"]),
    ("mvn", &["--version"], &["maven"]),
    // Debian keeps these programs out of the path.
    ("bash", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"], &["postgresql"]),
    ("setpriv", &["--version"], &["util-linux"]),
    ("unzip", &["-v"], &["unzip"]),
];

/// What counting instructions needs.
const COUNTING: [Tool; 1] = [("valgrind", &["--version"], &["valgrind"])];

/// Which of the servers that Countersign is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Those for Node.
    WithoutKeycloak,
    /// All of them.
    WithKeycloak,
}

/// Installs what a check needs and is missing.
pub(crate) fn install() -> Result<Remark> {
    install_missing(&TOOLS)
}

/// Installs what the recipes stand on and is missing.
pub(crate) fn install_recipes() -> Result<Remark> {
    install_missing(&RECIPES)
}

/// Installs the browser if it is missing.
pub(crate) fn install_browser() -> Result<Remark> {
    install_missing(&BROWSER)
}

/// Installs what these servers need and is missing.
pub(crate) fn install_peers(peers: Peers) -> Result<Remark> {
    match peers {
        Peers::WithoutKeycloak => install_missing(&PEERS),
        Peers::WithKeycloak => install_missing(&[&PEERS[..], &KEYCLOAK].concat()),
    }
}

/// Installs what counting instructions needs and is missing.
pub(crate) fn install_counting() -> Result<Remark> {
    install_missing(&COUNTING)
}

fn install_missing(tools: &[Tool]) -> Result<Remark> {
    let packages = missing(tools);
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
    let still = missing(tools);
    if still.is_empty() {
        Ok(format!("installed {list}"))
    } else {
        bail!("still missing: {}", still.join(" "))
    }
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let is_missing =
        |(program, arguments, _): &&Tool| !process::succeeds(&mut process::command(program, arguments));
    tools.iter().filter(is_missing).flat_map(|(_, _, packages)| packages.iter().copied()).collect()
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
