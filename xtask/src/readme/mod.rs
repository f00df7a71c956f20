//! The pages do what they say: their commands are run, and answers compared.
//!
//! README.md always, and each page in docs/ that names this command. A page
//! runs in a directory of its own, in one shell, against a server that the page
//! itself starts. `notation` says how a page is read, `expected` how an answer
//! is compared, `printed` keeps what a command prints on a page.

mod expected;
mod notation;
mod printed;
mod running;
mod shell;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use self::notation::{Block, Commands};
use self::running::Running;
use self::shell::Shell;
use crate::console::{Remark, now, say};
use crate::process;
use crate::repository;
use crate::sources::{self, SourceFile};

/// What a page in docs/ says in a comment so that it is run.
const OPT_IN: &str = "<!-- `cargo xtask readme` runs this page. -->";

/// Runs the pages that are named, or every one, and says how many commands there were.
pub(crate) fn run(named: &[String]) -> Result<()> {
    build()?;
    say(&run_pages(&pages(named)?)?);
    Ok(())
}

/// Puts onto the pages what the server's commands print.
pub(crate) fn write() -> Result<()> {
    build()?;
    for page in sources::files()?.iter().filter(|file| file.is_page()) {
        printed::write(page)?;
    }
    Ok(())
}

/// Builds the server as a reader would and runs every page.
pub(crate) fn check() -> Result<Remark> {
    build()?;
    run_pages(&pages(&[])?)
}

fn build() -> Result<()> {
    process::run(&mut process::cargo(&["build", "--release", "--locked", "--workspace"]))
}

fn pages(named: &[String]) -> Result<Vec<SourceFile>> {
    let all = sources::files()?.into_iter().filter(SourceFile::is_page);
    let pages: Vec<_> = all.filter(|page| named.is_empty() || named.contains(&page.path)).collect();
    ensure!(named.is_empty() || pages.len() == named.len(), "there is no such page");
    Ok(pages)
}

fn run_pages(pages: &[SourceFile]) -> Result<Remark> {
    pages.iter().try_for_each(printed::check)?;
    let mut blocks = 0;
    for page in pages.iter().filter(|page| is_run(page)) {
        say(&format!("{}:", page.path));
        blocks += run_page(page).with_context(|| format!("{} does not do what it says", page.path))?;
    }
    Ok(format!("{blocks} blocks of commands"))
}

/// Whether a page's commands are run.
pub(crate) fn is_run(page: &SourceFile) -> bool {
    page.path == "README.md" || (page.path.starts_with("docs/") && page.text.contains(OPT_IN))
}

fn run_page(page: &SourceFile) -> Result<usize> {
    let blocks = notation::blocks(&page.text)?;
    ensure!(!blocks.is_empty(), "it has no block of commands");
    let home = Home::make(&page.path)?;
    let mut shell = Shell::start(&home.0)?;
    // Ends with the page, however it ends.
    let mut running = Vec::new();
    for block in &blocks {
        say(&format!("  line {}: {}", block.line, block.first_line()));
        let started = now();
        let expected = block.expected.as_ref();
        match &block.commands {
            Commands::Serve => running.push(Running::server(&home.0, expected)?),
            Commands::Background(text) => {
                let exports = shell.run("export -p")?.output;
                running.push(Running::block((text, block.line), &exports, &home.0, expected)?);
            }
            Commands::Run(text) => run_block(&mut shell, text, block)?,
        }
        if started.elapsed().as_secs() > 0 {
            say(&format!("    {:.1} s", started.elapsed().as_secs_f64()));
        }
    }
    running.into_iter().try_for_each(Running::stop)?;
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

/// A directory for one page, with what a reader has beside it: the built programs, and the files to deploy them with.
struct Home(PathBuf);

impl Home {
    fn make(page: &str) -> Result<Self> {
        let name = format!("countersign-page-{}-{}", std::process::id(), page.replace(['/', '.'], "-"));
        let home = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&home.0).with_context(|| format!("cannot make {}", home.0.display()))?;
        for name in ["target", "deploy"] {
            std::os::unix::fs::symlink(repository::at(name), home.0.join(name))?;
        }
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Links are removed, not what they lead to.
        let _ = fs::remove_dir_all(&self.0);
    }
}
