//! The guide as a book: docs/ in the order of its SUMMARY.md, which mdBook makes into target/book.
//!
//! Pages also point to what is not in docs/, such as the examples. Those who
//! read them in the repository follow such a link; in the book it would lead
//! nowhere, so the path is written out instead.

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

/// Builds mdBook once.
pub(crate) fn install() -> Result<Remark> {
    MDBOOK.install()
}

/// Builds the book. A warning is an error.
pub(crate) fn check() -> Result<Remark> {
    let pages = lay_out()?;
    let dest = repository::at(BOOK).display().to_string();
    let mut build = MDBOOK.command(&["build", SOURCE, "--dest-dir", &dest]);
    // Either could hide its warnings.
    let output =
        build.env_remove("RUST_LOG").env_remove("MDBOOK_LOG").output().context("cannot run mdbook")?;
    let said = String::from_utf8_lossy(&output.stderr);
    say(said.trim_end());
    let is_content = output.status.success() && !said.lines().any(is_warning);
    ensure!(is_content, "mdBook is not content with the pages in {PAGES}");
    Ok(format!("{pages} pages, in {BOOK}"))
}

fn is_warning(line: &str) -> bool {
    ["WARN ", "ERROR "].iter().any(|level| line.trim_start().starts_with(level))
}

/// Copies docs/ for mdBook, and says how many pages there are.
fn lay_out() -> Result<usize> {
    let source = repository::at(SOURCE);
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    let files = sources::files()?;
    let mut pages = 0;
    for file in &files {
        let Some(name) = file.path.strip_prefix(PAGES) else { continue };
        let place: PathBuf = source.join(name);
        fs::create_dir_all(place.parent().unwrap_or(&source))?;
        let text = if file.is_page() { without_outward_links(file) } else { file.text.clone() };
        fs::write(&place, text).with_context(|| format!("cannot write {}", place.display()))?;
        pages += usize::from(file.is_page() && name != "SUMMARY.md");
    }
    Ok(pages)
}

/// A page with paths written out where it points out of the book.
fn without_outward_links(page: &SourceFile) -> String {
    let mut text = page.text.clone();
    for link in markdown::links(&page.text).iter().rev().filter(|link| link.target.starts_with("../")) {
        let file = link.target.split('#').next().unwrap_or(&link.target);
        match resolve(&page.path, file) {
            Some(path) if !path.starts_with(PAGES) => {
                text.replace_range(link.span.clone(), &written_out(link.text, &path));
            }
            _ => {}
        }
    }
    text
}

fn written_out(text: &str, path: &str) -> String {
    if path.ends_with(text) { format!("`{path}`") } else { format!("{text} (`{path}`)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_told_from_what_else_is_said() {
        assert!(is_warning(" WARN unclosed HTML tag `<div>` found in `a.md`"));
        assert!(is_warning("ERROR it broke"));
        assert!(!is_warning(" INFO Book building has started, WARN about nothing"));
    }

    #[test]
    fn a_link_out_of_the_book_becomes_a_path() {
        let text = "[a](../guide/b.md), [clients/node](../../clients/node) and [its bounds](../../clients/node/README.md#bounds)\n";
        let page = SourceFile { path: "docs/guide/a.md".to_owned(), text: text.to_owned() };
        assert_eq!(
            without_outward_links(&page),
            "[a](../guide/b.md), `clients/node` and its bounds (`clients/node/README.md`)\n"
        );
    }
}
