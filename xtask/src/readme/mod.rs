//! Runs the commands on the pages and compares their output with the pages.
//!
//! The pages are README.md and every page in docs/ with a comment that names this command. Each page runs in a
//! new directory, in one shell, with a server that the page itself starts. `notation` parses a page, `expected`
//! compares output, and `printed` updates the output of the server's commands on a page.

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

/// The comment on a page in docs/ that makes this command run the page.
const OPT_IN: &str = "<!-- `cargo xtask readme` runs this page. -->";

/// Runs the named pages, or every page, and prints the number of blocks of commands.
pub(crate) fn run(named: &[String]) -> Result<()> {
    build()?;
    say(&run_pages(&pages(named)?)?);
    Ok(())
}

/// Updates the output of the server's commands on all pages.
pub(crate) fn write() -> Result<()> {
    build()?;
    for page in sources::files()?.iter().filter(|file| file.is_page()) {
        printed::write(page)?;
    }
    Ok(())
}

/// Builds the server as a reader does and runs every page.
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
    ensure!(
        named.is_empty() || pages.len() == named.len(),
        "unknown page; give its path from the root of the repository, such as docs/guide/lab.md"
    );
    Ok(pages)
}

fn run_pages(pages: &[SourceFile]) -> Result<Remark> {
    pages.iter().try_for_each(printed::check)?;
    let mut blocks = 0;
    for page in pages.iter().filter(|page| is_run(page)) {
        say(&format!("{}:", page.path));
        blocks +=
            run_page(page).with_context(|| format!("{} does not match what its commands do", page.path))?;
    }
    Ok(format!("{blocks} blocks of commands"))
}

/// Whether a page's commands are run.
pub(crate) fn is_run(page: &SourceFile) -> bool {
    page.path == "README.md" || (page.path.starts_with("docs/") && page.text.contains(OPT_IN))
}

fn run_page(page: &SourceFile) -> Result<usize> {
    let blocks = notation::blocks(&page.text)?;
    ensure!(!blocks.is_empty(), "the page has no block of commands");
    let home = Home::create(&page.path)?;
    let mut shell = Shell::start(&home.0)?;
    // Dropping these programs ends them, also after an error.
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
    let output = shell.run(text)?;
    let block_name = || format!("line {}: {}", block.line, block.first_line());
    ensure!(output.succeeded, "{} failed:\n{}", block_name(), output.output);
    match &block.expected {
        Some(expected) => expected.check(&output.output).with_context(block_name),
        None => Ok(()),
    }
}

/// A directory for one page, with links to the built programs and to the files in deploy/.
struct Home(PathBuf);

impl Home {
    fn create(page: &str) -> Result<Self> {
        let name = format!("countersign-page-{}-{}", std::process::id(), page.replace(['/', '.'], "-"));
        let home = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&home.0).with_context(|| format!("cannot create {}", home.0.display()))?;
        for name in ["target", "deploy"] {
            std::os::unix::fs::symlink(repository::at(name), home.0.join(name))?;
        }
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // This removes the links but not their targets.
        let _ = fs::remove_dir_all(&self.0);
    }
}
