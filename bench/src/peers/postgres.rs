//! A temporary PostgreSQL server with Debian's programs, for the peer that needs a database.
//!
//! All settings except address and locale have their defaults, so a commit waits for the disk. The data
//! directory is in the system's directory for temporary files, which should be on a disk. PostgreSQL does not
//! run as root, so root runs it as another user.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process;
use crate::server::{self, Cpu, Ending, Server};

/// Debian installs each version into a subdirectory of this directory.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The users as which root may run PostgreSQL. The package creates the first; every system has the second.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// The superuser of the new cluster. Connections on the loopback do not need a password.
pub(super) const USER: &str = "keycloak";
const START: Duration = Duration::from_secs(60);

/// The account that runs PostgreSQL.
enum Account {
    /// The user that runs this program.
    Own,
    /// Another user, because this program runs as root.
    Other { user: u32, group: u32 },
}

/// Creates a cluster with an empty database `postgres` and starts it.
pub(super) fn start(cpu: Cpu) -> Result<(SocketAddr, Server)> {
    let programs = newest_programs()?;
    let account = Account::find()?;
    let home = server::home()?;
    account.own(home.path())?;
    let data = home.path().join("data");
    process::run(
        Command::new("env")
            .args(account.prefix())
            .arg(programs.join("initdb"))
            .args(["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data)
            .current_dir(home.path()),
    )?;
    let base = server::free_address()?;
    let mut command = server::guarded(cpu, Ending::Quit);
    command
        .args(account.prefix())
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .args(["-c", &format!("port={}", base.port())])
        .current_dir(home.path());
    let mut server = Server::start("PostgreSQL", home, command)?;
    let mut is_ready = Command::new(programs.join("pg_isready"));
    is_ready.args(["-h", "127.0.0.1", "-p", &base.port().to_string()]);
    server.wait_until(START, || process::run(&mut is_ready).is_ok())?;
    Ok((base, server))
}

/// The directory with the programs of the newest installed version.
fn newest_programs() -> Result<PathBuf> {
    let advice = "PostgreSQL is not installed; install Debian's package `postgresql`";
    let names = fs::read_dir(VERSIONS)
        .context(advice)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_whole = |version: &u32| at_version(*version).join("initdb").exists();
    let newest = names.filter_map(|name| name.parse().ok()).filter(is_whole).max();
    newest.map(at_version).context(advice)
}

fn at_version(version: u32) -> PathBuf {
    Path::new(VERSIONS).join(version.to_string()).join("bin")
}

impl Account {
    fn find() -> Result<Self> {
        if number(&["-u"])? != 0 {
            return Ok(Self::Own);
        }
        let numbers = |user| Some((number(&["-u", user]).ok()?, number(&["-g", user]).ok()?));
        let (user, group) = USERS.into_iter().find_map(numbers).context(
            "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` that could run it",
        )?;
        Ok(Self::Other { user, group })
    }

    /// Makes the account the owner of a directory.
    fn own(&self, directory: &Path) -> Result<()> {
        if let Self::Other { user, group } = self {
            chown(directory, Some(*user), Some(*group))?;
        }
        Ok(())
    }

    /// The arguments before a command, so that the account runs it.
    fn prefix(&self) -> Vec<String> {
        match self {
            Self::Own => Vec::new(),
            Self::Other { user, group } => vec![
                "setpriv".to_owned(),
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ],
        }
    }
}

/// A number that the program `id` prints.
fn number(arguments: &[&str]) -> Result<u32> {
    let said = process::run(Command::new("id").args(arguments))?;
    said.trim().parse().with_context(|| format!("`{said}` is not a number"))
}
