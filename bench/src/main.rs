//! Compares Countersign with the servers that people use instead: `countersign-bench COMMAND`.
//!
//! For now it starts one of them and shows that it works.

mod console;
mod fleet;
mod http;
mod job;
mod oauth;
mod peers;
mod process;
mod roaming;
mod server;
mod storeless;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use countersign::system;

use crate::console::{now, say};
use crate::fleet::{Fleet, Plan};
use crate::peers::{Kind, Peer};
use crate::server::Cpu;

const USAGE: &str = "\
countersign-bench COMMAND

  peer NAME [--form FORM]   starts express (as-written or tuned), oidc-provider or keycloak,
                            has it prove itself with one refresh, and stops it";

/// The clients of a measurement get the others.
const SERVER_CPU: Cpu = Cpu(0);

/// As the server that is measured.
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
        ["fill", directory, count] => block_on(fill(Path::new(directory), count.parse()?, fleet::EACH)),
        ["plan", directory, count] => {
            let plan = Plan { count: count.parse()?, each: count.parse()?, made: system::world().now() };
            Fleet::plan(Path::new(directory), plan, &system::world()).map(drop)
        }
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
        other => bail!("there is no command `{}`\n\n{USAGE}", other.join(" ")),
    }
}

/// Runs what waits for the network on as many threads as there are processors for this process.
fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Fills a new directory with a server's store.
async fn fill(directory: &Path, count: u64, each: u64) -> Result<()> {
    let world = system::world();
    let fleet = Arc::new(Fleet::plan(directory, Plan { count, each, made: world.now() }, &world)?);
    let store = countersign_store::open(&format!("sqlite:{}", directory.join("countersign.db").display()))?;
    fleet
        .fill(&store, |written| {
            if written % 1_000_000 == 0 && written > 0 {
                say(&format!("{written} of {count} sessions"));
            }
        })
        .await
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
