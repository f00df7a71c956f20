//! Compares Countersign with the servers that people use instead: `countersign-bench COMMAND`.
//!
//! For now it starts one of them and shows that it works.

mod console;
mod http;
mod peers;
mod process;
mod server;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::console::{now, say};
use crate::peers::{Kind, Peer};
use crate::server::Cpu;

const USAGE: &str = "\
countersign-bench COMMAND

  peer NAME [--form FORM]   starts express (as-written or tuned), oidc-provider or keycloak,
                            has it prove itself with one refresh, and stops it";

/// The clients of a measurement get the others.
const SERVER_CPU: Cpu = Cpu(0);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["peer", name] => show_peer(Kind::parse(name, None)?),
        ["peer", name, "--form", form] => show_peer(Kind::parse(name, Some(form))?),
        [] | ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(())
        }
        other => bail!("there is no command `{}`\n\n{USAGE}", other.join(" ")),
    }
}

fn show_peer(kind: Kind) -> Result<()> {
    let started = now();
    let peer = Peer::start(kind, SERVER_CPU)?;
    say(&format!("{} at http://{} after {:.1} s", peer.name, peer.base, started.elapsed().as_secs_f64()));
    let token = peer.refresh_tokens(1)?.pop().context("no session was opened")?;
    say(&format!("a refresh token: {token}"));
    peer.prove()?;
    say("a refresh yields what it should, and the spent token meets what it should");
    Ok(())
}
