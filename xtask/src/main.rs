//! The repository's own commands: `cargo xtask COMMAND`.
//!
//! Contributors and continuous integration run the same commands. They need only Cargo: each command
//! installs what else it needs. Anything with logic is Rust here, not a shell script. Each command has one file.

mod background;
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

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::console::say;

/// The commands of this repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every check that a change must pass, and installs what the checks need
    Check,
    /// Runs the long variants of the randomised tests and the fuzz targets, and prints figures; takes hours
    Soak,
    /// Runs every fuzz target
    Fuzz {
        /// How long each target runs
        #[arg(default_value_t = fuzz::SECONDS)]
        seconds: u64,
    },
    /// Checks the rules that no compiler knows: crate edges, file lengths, module docs and others
    Tidy,
    /// Compares the server with other servers and writes docs/comparison.md
    Compare(measure::Comparison),
    /// Times the parts of a refresh separately and counts their instructions
    Parts,
    /// Measures the server with ten thousand to ten million sessions and updates docs/scale.md; takes six minutes
    Scale {
        /// The largest number of sessions to measure
        largest: Option<u64>,
    },
    /// Measures APIs that verify access tokens and updates docs/verifying.md; takes five minutes
    Verifying {
        /// Only shows that everything works, and writes nothing
        #[arg(long)]
        quick: bool,
    },
    /// Tests the recipes in examples/, the packages in clients/ and the lab with a real server; takes ten minutes
    Recipes,
    /// Does a part of `check` in the background
    #[command(hide = true)]
    Background { work: background::Work },
    /// Runs the commands in README.md and on the pages in docs/ that ask for it
    Readme {
        /// Runs only these pages
        pages: Vec<String>,
        /// Updates what the pages show of the output of the server's commands
        #[arg(long, conflicts_with = "pages")]
        write: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Option<Command>) -> Result<()> {
    match command {
        None => Ok(Arguments::command().print_help()?),
        Some(Command::Check) => check::run(),
        Some(Command::Soak) => soak::run(),
        Some(Command::Fuzz { seconds }) => fuzz::run(seconds),
        Some(Command::Tidy) => tidy::run(),
        Some(Command::Compare(comparison)) => measure::compare(&comparison),
        Some(Command::Parts) => measure::parts(),
        Some(Command::Scale { largest }) => measure::scale(largest),
        Some(Command::Verifying { quick }) => measure::verifying(if quick { &["--quick"] } else { &[] }),
        Some(Command::Recipes) => recipes::run(),
        Some(Command::Background { work }) => background::run(work),
        Some(Command::Readme { write: true, .. }) => readme::write(),
        Some(Command::Readme { pages, .. }) => readme::run(&pages),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
