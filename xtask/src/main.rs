//! The repository's own commands: `cargo xtask COMMAND`.
//!
//! Whatever a contributor or the continuous integration runs is one of these,
//! so that nothing need be installed before the first command and nothing with
//! logic is written in shell. One file a command.

mod book;
mod cargo_tool;
mod check;
mod console;
mod figures;
mod fuzz;
mod markdown;
mod measure;
mod npm;
mod oracles;
mod pages;
mod ports;
mod process;
mod readme;
mod recipes;
mod repository;
mod soak;
mod sources;
mod supply_chain;
mod test_run;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::console::say;

const USAGE: &str = "\
cargo xtask COMMAND

  check            everything that must hold before a change lands; installs what it needs
  soak             the long variants: lives, interleavings, kill rounds, fuzzing; prints figures
  fuzz [SECONDS]   every fuzz target for so long each (60)
  tidy             the rules of the house: crate edges, file lengths, module docs and so on
  compare [FLAGS]  measures the server beside others and writes docs/comparison.md; --keycloak for it too,
                   --quick to see that everything works, which writes nothing
  parts            times the parts of a refresh alone, and counts their instructions
  scale [LARGEST]  measures it over ten thousand to ten million sessions for docs/scale.md; takes six minutes
  verifying [--quick]
                   measures APIs that verify access tokens and completes docs/verifying.md; takes 5 minutes
  recipes          tries the recipes below examples/, the packages below clients/ and the lab against a real
                   server, the last two in a real browser too; takes ten minutes
  readme [PAGE…]   runs the commands of README.md and of the pages in docs/ that ask for it;
                   --write puts onto the pages what the server's commands print";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["check"] => check::run(),
        ["soak"] => soak::run(),
        ["fuzz"] => fuzz::run(fuzz::SECONDS),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::run(seconds),
            Err(_) => bail!("`{seconds}` is no number of seconds"),
        },
        ["tidy"] => tidy::run(),
        ["compare", flags @ ..] => measure::compare(flags),
        ["parts"] => measure::parts(),
        ["scale", words @ ..] => measure::scale(words),
        ["verifying", flags @ ..] => measure::verifying(flags),
        ["recipes"] => recipes::run(),
        ["readme", "--write"] => readme::write(),
        ["readme", pages @ ..] => readme::run(pages),
        [] | ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(())
        }
        other => bail!("there is no command `{}`\n\n{USAGE}", other.join(" ")),
    }
}
