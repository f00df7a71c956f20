//! The pages do what they say: their commands are run, and answers compared.
//!
//! README.md always, and each page in docs/ that names this command. A page
//! runs in a directory of its own, in one shell, against a server that the page
//! itself starts. `notation` says how a page is read, `expected` how an answer
//! is compared.

mod expected;
mod notation;
mod server;
mod shell;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use self::notation::{Block, Commands};
use self::server::Server;
use self::shell::Shell;
use crate::console::{Remark, now, say};
use crate::process;
use crate::repository::{self, SourceFile};

/// What a page in docs/ says in a comment so that it is run.
const OPT_IN: &str = "<!-- `cargo xtask readme` runs this page. -->";

/// Runs every page and says how many commands there were.
pub(crate) fn run() -> Result<()> {
    let remark = check()?;
    say(&remark);
    Ok(())
}

/// Builds the server as a reader would and runs every page.
pub(crate) fn check() -> Result<Remark> {
    process::run(&mut process::cargo(&["build", "--release", "--locked", "--workspace"]))?;
    let mut blocks = 0;
    for page in repository::files()?.iter().filter(|file| is_run(file)) {
        say(&format!("{}:", page.path));
        blocks += run_page(page).with_context(|| format!("{} does not do what it says", page.path))?;
    }
    Ok(format!("{blocks} blocks of commands"))
}

fn is_run(file: &SourceFile) -> bool {
    let is_guide = file.path.starts_with("docs/") && file.path.ends_with(".md");
    file.path == "README.md" || (is_guide && file.text.contains(OPT_IN))
}

fn run_page(page: &SourceFile) -> Result<usize> {
    let blocks = notation::blocks(&page.text)?;
    ensure!(!blocks.is_empty(), "it has no block of commands");
    let home = Home::make(&page.path)?;
    let mut shell = Shell::start(&home.0)?;
    // Ends with the page, however it ends.
    let mut servers = Vec::new();
    for block in &blocks {
        say(&format!("  line {}: {}", block.line, block.first_line()));
        let started = now();
        match &block.commands {
            Commands::Serve => servers.push(Server::start(&home.0, block.expected.as_ref())?),
            Commands::Run(text) => run_block(&mut shell, text, block)?,
        }
        if started.elapsed().as_secs() > 0 {
            say(&format!("    {:.1} s", started.elapsed().as_secs_f64()));
        }
    }
    servers.into_iter().try_for_each(Server::stop)?;
    Ok(blocks.len())
}

fn run_block(shell: &mut Shell, text: &str, block: &Block) -> Result<()> {
    let answer = shell.run(text)?;
    let place = || format!("line {}: {}", block.line, block.first_line());
    ensure!(answer.succeeded, "{} ended with an error:\n{}", place(), answer.output);
    match &block.expected {
        Some(expected) => expected.check(&answer.output).with_context(place),
        None => Ok(()),
    }
}

/// A directory for one page, with the built programs where a reader has them.
struct Home(PathBuf);

impl Home {
    fn make(page: &str) -> Result<Self> {
        let name = format!("countersign-page-{}-{}", std::process::id(), page.replace(['/', '.'], "-"));
        let home = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&home.0).with_context(|| format!("cannot make {}", home.0.display()))?;
        std::os::unix::fs::symlink(repository::at("target"), home.0.join("target"))?;
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Only the link to `target` is removed, not what it leads to.
        let _ = fs::remove_dir_all(&self.0);
    }
}
