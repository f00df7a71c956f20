//! The output of the server's commands that pages contain, such as help texts.
//!
//! It is between the lines `<!-- countersign WORDS -->` and `<!-- end of countersign WORDS -->`, and must be what
//! `countersign WORDS` prints now.

use anyhow::{Context as _, Result, ensure};

use crate::console::say;
use crate::process;
use crate::repository;
use crate::sources::SourceFile;

const BEGIN: &str = "<!-- countersign ";
const CLOSE: &str = " -->";

/// Checks that the page shows what the commands print now.
pub(super) fn check(page: &SourceFile) -> Result<()> {
    ensure!(
        updated(&page.text, print)? == page.text,
        "{} shows outdated output of a command; `cargo xtask readme --write` updates it",
        page.path
    );
    Ok(())
}

/// Updates the output on the page.
pub(super) fn write(page: &SourceFile) -> Result<()> {
    let text = updated(&page.text, print)?;
    if text != page.text {
        say(&format!("updated {}", page.path));
        std::fs::write(repository::at(&page.path), text)?;
    }
    Ok(())
}

fn updated(page: &str, print: impl Fn(&[&str]) -> Result<String>) -> Result<String> {
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
    fn only_the_text_between_the_marks_is_updated() {
        let page = "# A\n\n<!-- countersign a b -->\n\nold\n\n<!-- end of countersign a b -->\n\nrest\n";
        let printed = updated(page, |words| Ok(format!("{words:?}\n"))).unwrap();
        assert_eq!(printed, page.replace("old", r#"["a", "b"]"#));
        assert_eq!(updated(&printed, |words| Ok(format!("{words:?}\n"))).unwrap(), printed);
        assert!(updated("\n<!-- countersign a -->\n", |_| Ok(String::new())).is_err());
    }
}
