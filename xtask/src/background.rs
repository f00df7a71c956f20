//! Parts of the check that run in the background, while the steps of the check wait for the network, for timers
//! or for a browser.
//!
//! Each part is a second process of this program, `cargo xtask background NAME`. Its output goes to a file. When
//! the check ends, the standard input of the process closes, and it stops with all programs that it started.

use std::fs::{self, File};
use std::io::{Read as _, stdin};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::console::{Remark, Steps, say};
use crate::{book, fuzz, oracles, process, recipes, repository, supply_chain, tools};

const LOGS: &str = "target/background";

/// A part of the check that can run in the background.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Work {
    /// Downloads and installs what the tests, the clients, the recipes and the pages need
    Downloads,
    /// Builds and runs cargo-deny and mdBook, then the fuzz targets
    Builds,
}

/// A part that runs in the background.
pub(crate) struct Background {
    work: Work,
    child: Child,
    /// The process stops when this closes, so it also stops when the check is interrupted.
    _lifeline: Option<ChildStdin>,
}

/// Does the work, in the process that `Background::start` starts.
pub(crate) fn run(work: Work) -> Result<()> {
    thread::spawn(stop_with_the_check);
    let mut steps = Steps::begin();
    match work {
        Work::Downloads => downloads(&mut steps)?,
        Work::Builds => builds(&mut steps)?,
    }
    steps.show();
    Ok(())
}

fn downloads(steps: &mut Steps) -> Result<()> {
    steps.take("oracles", "see tests/oracles/README.md", oracles::install)?;
    steps.take("more system tools", "install the tools that are named", tools::install_all)?;
    steps.take("packages", "`npm ci` in the package runs it again", recipes::install_packages)?;
    steps.take(
        "libraries of the recipes",
        "`node examples/install.mjs` runs it again",
        recipes::install_libraries,
    )
}

/// The fuzz targets come last, because they take longest.
fn builds(steps: &mut Steps) -> Result<()> {
    steps.take("cargo-deny", "it is built from crates.io", supply_chain::install)?;
    steps.take("supply chain", "deny.toml says what is allowed, and why", supply_chain::check)?;
    steps.take("mdbook", "it is built from crates.io", book::install)?;
    steps.take("book", "fix the page that is named above", book::check)?;
    let advice = "turn the input into a test, then fix the code; see fuzz/README.md";
    steps.take("fuzz", advice, || fuzz::all(fuzz::SECONDS_OF_CHECK))
}

/// Kills the process group of this process when its standard input closes.
fn stop_with_the_check() {
    let _ = stdin().read_to_end(&mut Vec::new());
    process::succeeds(&mut process::command("bash", &["-c", "kill -KILL 0"]));
}

impl Background {
    /// Starts the work in a new process group.
    pub(crate) fn start(work: Work) -> Result<Self> {
        fs::create_dir_all(repository::at(LOGS))?;
        let log = File::create(repository::at(&work.log()))?;
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        let mut command = match work {
            Work::Downloads => Command::new(program),
            // The lowest priority, so that builds only use processors that the steps of the check leave idle.
            Work::Builds => {
                let mut command = Command::new("nice");
                command.args(["-n", "19"]).arg(program);
                command
            }
        };
        command.args(["background", work.name()]).current_dir(repository::root()).process_group(0);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let mut child = command.spawn().context("cannot start the work in the background")?;
        let _lifeline = child.stdin.take();
        say(&format!("in the background: {}, with its output in {}", work.name(), work.log()));
        Ok(Self { work, child, _lifeline })
    }

    /// Fails with the output of the work if it has failed already.
    pub(crate) fn has_not_failed(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) if !status.success() => self.fail(),
            _ => Ok(()),
        }
    }

    /// Waits for the end of the work and shows the table of its steps.
    pub(crate) fn finish(&mut self) -> Result<Remark> {
        if !self.child.wait()?.success() {
            self.fail()?;
        }
        say(last_paragraph(&self.output()?));
        Ok(format!("waited for the background; the output is in {}", self.work.log()))
    }

    fn fail(&self) -> Result<()> {
        bail!("{}\n{} failed in the background", self.output()?.trim_end(), self.work.name())
    }

    fn output(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(repository::at(&self.work.log()))?).into_owned())
    }
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Downloads => "downloads",
            Self::Builds => "builds",
        }
    }

    fn log(self) -> String {
        format!("{LOGS}/{}.log", self.name())
    }
}

fn last_paragraph(text: &str) -> &str {
    text.trim_end().rsplit("\n\n").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_steps_is_the_last_paragraph() {
        assert_eq!(last_paragraph("── a\nb\n\n  a  1 s\n  b  2 s\n"), "  a  1 s\n  b  2 s");
    }

    #[test]
    fn the_name_of_each_work_is_the_one_that_the_command_line_accepts() {
        for work in Work::value_variants() {
            assert!(Work::from_str(work.name(), false).is_ok(), "{work:?}");
        }
    }
}
