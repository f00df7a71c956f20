//! The text files of the repository.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process;
use crate::repository::at;

/// A text file: its path from the root, and its text.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// With `/` between its parts.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

/// Every text file that Git tracks or would add.
pub(crate) fn files() -> Result<Vec<SourceFile>> {
    let listed = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let names = process::capture(&mut process::command("git", &listed))
        .context("cannot list the files; run this in a Git clone of the repository")?;
    let mut paths: Vec<&str> = names.lines().collect();
    paths.sort_unstable();
    paths.dedup();
    // Git still lists deleted files before the commit. Binary files are not valid UTF-8.
    let read = |path: &str| std::fs::read_to_string(at(path)).ok();
    Ok(paths
        .into_iter()
        .filter_map(|path| read(path).map(|text| SourceFile { path: path.to_owned(), text }))
        .collect())
}

/// The path from the root to which a relative address in the file `from` leads; `None` outside the repository.
pub(crate) fn resolve(from: &str, address: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in address.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

impl SourceFile {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// Whether it is JavaScript or TypeScript.
    pub(crate) fn is_javascript(&self) -> bool {
        matches!(self.extension(), "js" | "mjs" | "cjs" | "ts" | "mts" | "cts")
    }

    /// Whether it is Markdown.
    pub(crate) fn is_page(&self) -> bool {
        self.extension() == "md"
    }

    fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
    }

    /// Whether the whole file is test code: it is in a `tests` folder, or it is a test module.
    pub(crate) fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| matches!(part, "tests" | "tests.rs" | "lives.rs" | "test_support.rs"))
    }

    /// Its lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Its lines with their numbers, without lines that are only a comment.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}
