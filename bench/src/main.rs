//! Compares Countersign with other token servers: `countersign-bench COMMAND`.
//!
//! The main commands are `compare`, `scale`, `verifying` and `instructions`. They start the other commands as
//! processes. `ratio` and `peer` are for tuning and debugging.

mod chart;
mod compare;
mod console;
mod fleet;
mod http;
mod in_process;
mod instructions;
mod job;
mod machine;
mod oauth;
mod operation;
mod ours;
mod page;
mod parts;
mod peers;
mod process;
mod random_refreshes;
mod report;
mod results;
mod scale;
mod server;
mod storeless;
mod usage;
mod verifying;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use countersign::system;

use crate::console::{now, say};
use crate::operation::Operation;
use crate::peers::{Form, Kind, Peer};
use crate::results::Effort;

const USAGE: &str = "\
countersign-bench COMMAND

  compare [--keycloak] [--quick]
                            measures Countersign and other servers, and writes docs/comparison.md
  scale [LARGEST]           measures Countersign with ten thousand to ten million sessions, for docs/scale.md
  verifying [--quick]       measures APIs that verify Countersign's tokens, and writes docs/verifying.md
  ratio ROUNDS              measures Countersign with and without its store, for performance tuning
  instructions              counts the instructions of the parts of a refresh (needs valgrind)
  peer NAME [--form FORM]   starts express (as-written or tuned), oidc-provider or keycloak,
                            checks it with one refresh, and stops it";

/// The same allocator as in the server.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
        ["compare", rest @ ..] => compare_with(rest),
        ["scale"] => scale::run(u64::MAX, &process::at("docs/scale.md")),
        ["scale", largest] => scale::run(largest.parse()?, &process::at("docs/scale.md")),
        ["verifying"] => verifying::run(&verifying::WHOLE, Some(&process::at("docs/verifying.md"))),
        ["verifying", "--quick"] => verifying::run(&verifying::QUICK, None),
        ["ratio", rounds] => compare::ratio(rounds.parse().context("ROUNDS must be a number")?),
        ["parts", directory] => compare::parts(Path::new(directory)),
        ["instructions"] => {
            say(&instructions::table(&instructions::count_all()?));
            Ok(())
        }
        ["operation", name, turns] => Operation::find(name)?.run(turns.parse()?),
        ["drive"] => block_on(job::drive()),
        ["storeless", address, directory] => {
            block_on(storeless::serve(address.parse()?, Path::new(directory), &system::world()))
        }
        ["peer", name] => show_peer(Kind::parse(name, None)?),
        ["peer", name, "--form", form] => show_peer(Kind::parse(name, Some(form))?),
        [] | ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(())
        }
        other => bail!("unknown command `{}`\n\n{USAGE}", other.join(" ")),
    }
}

/// Runs a future on a runtime with one thread for each processor of this process.
fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// `--keycloak` also measures Keycloak. `--quick` only checks that everything works, with rounds that are too
/// short for a report in `docs`.
fn compare_with(flags: &[&str]) -> Result<()> {
    if let Some(unknown) = flags.iter().find(|flag| !["--keycloak", "--quick"].contains(flag)) {
        bail!("unknown flag `{unknown}` of `compare`");
    }
    let mut kinds = vec![Kind::Express(Form::AsWritten), Kind::Express(Form::Tuned), Kind::OidcProvider];
    if flags.contains(&"--keycloak") {
        kinds.push(Kind::Keycloak);
    }
    if flags.contains(&"--quick") {
        let quick = Effort { rounds: 1, warm_up: 0.5, seconds: 1.0 };
        return compare::run(&kinds, quick, &process::at("target/comparison"));
    }
    let effort = Effort { rounds: 3, warm_up: 1.5, seconds: 3.0 };
    compare::run(&kinds, effort, &process::at("docs"))
}

fn show_peer(kind: Kind) -> Result<()> {
    let started = now();
    let peer = Peer::start(kind, compare::SERVERS)?;
    say(&format!("{} at http://{} after {:.1} s", peer.name, peer.base, started.elapsed().as_secs_f64()));
    let token = peer.refresh_tokens(1)?.pop().context("no session was opened")?;
    say(&format!("a refresh token: {token}"));
    peer.prove()?;
    say("the refresh returned valid tokens, and the server treated the spent token as expected");
    Ok(())
}
