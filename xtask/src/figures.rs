//! Figures about the code: the lines of each crate, the longest file and the longest function.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::console::say;
use crate::process;
use crate::sources::{self, SourceFile};

/// A function's name and length.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Length {
    lines: usize,
    name: String,
}

/// Prints the figures.
pub(crate) fn show() -> Result<()> {
    let files: Vec<_> = sources::files()?.into_iter().filter(SourceFile::is_rust).collect();
    say(&format!("\ncrates in the binary: {}", crates_in_the_binary()?));
    say("lines of Rust, without and with tests:");
    for (name, (code, all)) in lines_per_crate(&files) {
        say(&format!("  {name:20} {code:>6} {all:>6}"));
    }
    let sources = || files.iter().filter(|file| !file.is_test());
    if let Some(file) = sources().max_by_key(|file| file.text.lines().count()) {
        say(&format!("longest file: {} ({} lines)", file.path, file.text.lines().count()));
    }
    let functions =
        sources().flat_map(|file| functions(&file.text).into_iter().map(move |function| (file, function)));
    if let Some((file, function)) = functions.max_by_key(|(_, function)| function.lines) {
        say(&format!("longest function: {} in {} ({} lines)", function.name, file.path, function.lines));
    }
    Ok(())
}

fn crates_in_the_binary() -> Result<usize> {
    let arguments = ["tree", "--package", "countersign", "--edges", "normal", "--prefix", "none", "--locked"];
    let tree = process::capture(&mut process::cargo(&arguments))?;
    let crates: BTreeSet<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(crates.len())
}

/// For each crate: the lines outside tests, and all lines.
fn lines_per_crate(files: &[SourceFile]) -> BTreeMap<&str, (usize, usize)> {
    let mut lines = BTreeMap::new();
    for file in files {
        let parts: Vec<_> = file.path.split('/').collect();
        let name = if parts[0] == "crates" { parts[1] } else { parts[0] };
        let (code, all): &mut (usize, usize) = lines.entry(name).or_default();
        *all += file.text.lines().count();
        if !file.is_test() {
            *code += file.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        }
    }
    lines
}

/// The functions of a formatted file. A function ends at the closing brace with the indentation of its `fn`.
fn functions(text: &str) -> Vec<Length> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let is_one_line = line.ends_with('}') || line.ends_with(';');
        let length = lines[index..].iter().position(|later| *later == end).filter(|_| !is_one_line);
        found.push(Length { lines: length.map_or(1, |length| length + 1), name: name.to_owned() });
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let is_item = before
        .split_whitespace()
        .all(|word| matches!(word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async" | "unsafe"));
    let name = after.split(['(', '<']).next()?;
    (is_item && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_ends_at_its_closing_brace() {
        let text = "fn one() {}\nimpl A {\n    pub const fn two(\n        &self,\n    ) {\n        if x {\n        }\n    }\n}\n// a fn three\n";
        let lengths: Vec<_> = functions(text).into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(lengths, [("one".to_owned(), 1), ("two".to_owned(), 6)]);
    }
}
