//! The guide as a book: mdBook builds target/book from docs/, in the order of docs/SUMMARY.md.
//!
//! Some pages link to files outside docs/, such as the examples. These links work in the repository but not in
//! the book, so the book shows the path as text instead.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::cargo_tool::CargoTool;
use crate::console::{Remark, say};
use crate::markdown;
use crate::repository;
use crate::sources::{self, SourceFile, resolve};

const MDBOOK: CargoTool = CargoTool { name: "mdbook", version: "0.5.4", flags: &["--no-default-features"] };

const PAGES: &str = "docs/";
const SOURCE: &str = "target/book-source";
const BOOK: &str = "target/book";

/// Builds mdBook, unless it is installed.
pub(crate) fn install() -> Result<Remark> {
    MDBOOK.install()
}

/// Builds the book.
///
/// # Errors
/// When mdBook fails or prints a warning.
pub(crate) fn check() -> Result<Remark> {
    let pages = lay_out()?;
    let dest = repository::at(BOOK).display().to_string();
    let mut build = MDBOOK.command(&["build", SOURCE, "--dest-dir", &dest]);
    // Either variable could hide warnings.
    let output =
        build.env_remove("RUST_LOG").env_remove("MDBOOK_LOG").output().context("cannot run mdbook")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    say(messages.trim_end());
    let is_clean = output.status.success() && !messages.lines().any(is_warning);
    ensure!(is_clean, "mdBook reports problems in the pages of {PAGES}");
    Ok(format!("{pages} pages, in {BOOK}"))
}

fn is_warning(line: &str) -> bool {
    ["WARN ", "ERROR "].iter().any(|level| line.trim_start().starts_with(level))
}

/// Copies docs/ for mdBook and returns the number of pages.
fn lay_out() -> Result<usize> {
    let source = repository::at(SOURCE);
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    let files = sources::files()?;
    let mut pages = 0;
    for file in &files {
        let Some(name) = file.path.strip_prefix(PAGES) else { continue };
        let target: PathBuf = source.join(name);
        fs::create_dir_all(target.parent().unwrap_or(&source))?;
        let text = if file.is_page() { without_outside_links(file) } else { file.text.clone() };
        fs::write(&target, text).with_context(|| format!("cannot write {}", target.display()))?;
        pages += usize::from(file.is_page() && name != "SUMMARY.md");
    }
    Ok(pages)
}

/// The page, with a path as text in place of each link that leads out of the book.
fn without_outside_links(page: &SourceFile) -> String {
    let mut text = page.text.clone();
    for link in markdown::links(&page.text).iter().rev().filter(|link| link.target.starts_with("../")) {
        let file = link.target.split('#').next().unwrap_or(&link.target);
        match resolve(&page.path, file) {
            Some(path) if !path.starts_with(PAGES) => {
                text.replace_range(link.span.clone(), &as_text(link.text, &path));
            }
            _ => {}
        }
    }
    text
}

fn as_text(text: &str, path: &str) -> String {
    if path.ends_with(text) { format!("`{path}`") } else { format!("{text} (`{path}`)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_errors_of_mdbook_are_recognised() {
        assert!(is_warning(" WARN unclosed HTML tag `<div>` found in `a.md`"));
        assert!(is_warning("ERROR it broke"));
        assert!(!is_warning(" INFO Book building has started, WARN about nothing"));
    }

    #[test]
    fn a_link_out_of_the_book_becomes_a_path() {
        let text = "[a](../guide/b.md), [clients/node](../../clients/node) and [its limits](../../clients/node/README.md#limits)\n";
        let page = SourceFile { path: "docs/guide/a.md".to_owned(), text: text.to_owned() };
        assert_eq!(
            without_outside_links(&page),
            "[a](../guide/b.md), `clients/node` and its limits (`clients/node/README.md`)\n"
        );
    }
}
