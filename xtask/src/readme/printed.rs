//! What a command of the server prints, kept on a page.
//!
//! It stands between `<!-- countersign WORDS -->` and `<!-- end of countersign
//! WORDS -->`, each on a line of its own, and has to be what the command prints now.

use anyhow::{Context as _, Result, ensure};

use crate::console::say;
use crate::process;
use crate::repository;
use crate::sources::SourceFile;

const BEGIN: &str = "<!-- countersign ";
const CLOSE: &str = " -->";

/// Compares a page with what its commands print.
pub(super) fn check(page: &SourceFile) -> Result<()> {
    ensure!(
        renewed(&page.text, print)? == page.text,
        "{} shows what a command printed once; `cargo xtask readme --write` renews it",
        page.path
    );
    Ok(())
}

/// Renews a page.
pub(super) fn write(page: &SourceFile) -> Result<()> {
    let text = renewed(&page.text, print)?;
    if text != page.text {
        say(&format!("{} is renewed", page.path));
        std::fs::write(repository::at(&page.path), text)?;
    }
    Ok(())
}

fn renewed(page: &str, print: impl Fn(&[&str]) -> Result<String>) -> Result<String> {
    let mut text = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(begin) = rest.find(&format!("\n{BEGIN}")) {
        let command = rest[begin + 1 + BEGIN.len()..].split(CLOSE).next().unwrap_or_default();
        let (first, last) =
            (format!("\n{BEGIN}{command}{CLOSE}\n"), format!("\n<!-- end of countersign {command}{CLOSE}\n"));
        let end = rest[begin..].find(&last).with_context(|| format!("`{}` is missing", last.trim()))?;
        let words: Vec<&str> = command.split(' ').collect();
        text += &rest[..begin];
        text += &format!("{first}\n{}\n{last}", print(&words)?.trim_end());
        rest = &rest[begin + end + last.len()..];
    }
    Ok(text + rest)
}

fn print(words: &[&str]) -> Result<String> {
    process::capture(&mut process::command(repository::at("target/release/countersign"), words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_renewed_and_nothing_else() {
        let page = "# A\n\n<!-- countersign a b -->\n\nold\n\n<!-- end of countersign a b -->\n\nrest\n";
        let printed = renewed(page, |words| Ok(format!("{words:?}\n"))).unwrap();
        assert_eq!(printed, page.replace("old", r#"["a", "b"]"#));
        assert_eq!(renewed(&printed, |words| Ok(format!("{words:?}\n"))).unwrap(), printed);
        assert!(renewed("\n<!-- countersign a -->\n", |_| Ok(String::new())).is_err());
    }
}
