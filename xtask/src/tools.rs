//! The system programs that the commands need, and how to install them.
//!
//! On Debian and its derivatives the commands install them, as root or through `sudo`. On other systems an error
//! names the missing programs.

use anyhow::{Result, bail};

use crate::console::Remark;
use crate::process;

/// A program, arguments that succeed if it is installed, and its Debian packages.
type Tool = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Programs for compiling and for the workspace's tests.
const TOOLS: [Tool; 12] = [
    ("cc", &["--version"], &["gcc", "libc6-dev"]),
    ("g++", &["--version"], &["g++"]),
    ("curl", &["--version"], &["curl", "ca-certificates"]),
    ("git", &["--version"], &["git"]),
    ("node", &["--version"], &["nodejs"]),
    ("npm", &["--version"], &["npm"]),
    ("python3", &["-c", "import ensurepip, venv"], &["python3", "python3-venv"]),
    ("kill", &["-L"], &["procps"]),
    // The server's tests run it behind real proxies. Debian installs nginx outside the PATH of users.
    ("/usr/sbin/nginx", &["-v"], &["nginx-light"]),
    ("caddy", &["version"], &["caddy"]),
    // The guide creates a certificate and a key, and lets systemd check the server's unit.
    ("openssl", &["version"], &["openssl"]),
    ("systemd-analyze", &["--version"], &["systemd"]),
];

/// Programs that build the recipes for other languages.
const RECIPES: [Tool; 3] = [
    ("go", &["version"], &["golang"]),
    ("javac", &["-version"], &["default-jdk-headless"]),
    ("mvn", &["--version"], &["maven"]),
];

/// The browser for the tests of pages.
const BROWSER: [Tool; 1] = [("chromium", &["--version"], &["chromium"])];

/// Programs for running the servers for Node, each bound to one processor.
const PEERS: [Tool; 4] = [
    ("curl", &["--version"], &["curl", "ca-certificates"]),
    ("node", &["--version"], &["nodejs"]),
    ("npm", &["--version"], &["npm"]),
    ("taskset", &["--version"], &["util-linux"]),
];

/// Programs that Keycloak and its database need in addition.
const KEYCLOAK: [Tool; 5] = [
    // Keycloak requires Java 17 or newer.
    ("bash", &["-c", r#"java -version 2>&1 | grep -Eq '"(1[7-9]|[2-9][0-9])'"#], &["default-jre-headless"]),
    ("mvn", &["--version"], &["maven"]),
    // Debian installs these programs outside the PATH.
    ("bash", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"], &["postgresql"]),
    ("setpriv", &["--version"], &["util-linux"]),
    ("unzip", &["-v"], &["unzip"]),
];

/// The program that counts instructions.
const COUNTING: [Tool; 1] = [("valgrind", &["--version"], &["valgrind"])];

/// Which servers Countersign is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Only the servers for Node.
    WithoutKeycloak,
    /// All servers.
    WithKeycloak,
}

/// Installs the missing programs for compiling and for the workspace's tests.
pub(crate) fn install() -> Result<Remark> {
    install_missing(&TOOLS)
}

/// Installs the missing programs for every step of a check.
pub(crate) fn install_all() -> Result<Remark> {
    install_missing(&[&TOOLS[..], &RECIPES, &BROWSER, &PEERS].concat())
}

/// Installs the programs that a check needs before its background work starts.
///
/// Without root, these are all programs, because `sudo` cannot ask for a password in the background.
pub(crate) fn install_first() -> Result<Remark> {
    if is_root() { install() } else { install_all() }
}

/// Installs the missing programs for these servers.
pub(crate) fn install_peers(peers: Peers) -> Result<Remark> {
    match peers {
        Peers::WithoutKeycloak => install_missing(&PEERS),
        Peers::WithKeycloak => install_missing(&[&PEERS[..], &KEYCLOAK].concat()),
    }
}

/// Installs the program that counts instructions if it is missing.
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
        bail!("missing Debian packages: {list}. Install these programs and run the command again");
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
        bail!("still missing after the installation: {}", still.join(" "))
    }
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let is_missing =
        |(program, arguments, _): &&Tool| !process::succeeds(&mut process::command(program, arguments));
    tools.iter().filter(is_missing).flat_map(|(_, _, packages)| packages.iter().copied()).collect()
}

/// The `apt-get` command with the rights to install, if this system has one.
fn apt_get() -> Option<&'static [&'static str]> {
    if !process::succeeds(&mut process::command("apt-get", &["--version"])) {
        return None;
    }
    if is_root() {
        return Some(&["apt-get"]);
    }
    process::succeeds(&mut process::command("sudo", &["--version"])).then_some(&["sudo", "apt-get"])
}

fn is_root() -> bool {
    process::capture(&mut process::command("id", &["-u"])).is_ok_and(|user| user.trim() == "0")
}
