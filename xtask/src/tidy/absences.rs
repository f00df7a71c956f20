//! Each row of "What never happens" in ARCHITECTURE.md names an existing check.
//!
//! The second column of the table has the names in backticks: tests, rules of this command, and lints. A name
//! must be a function in a Rust file, or appear in `Cargo.toml` or `clippy.toml`.

use super::Fault;
use crate::sources::SourceFile;

const PAGE: &str = "ARCHITECTURE.md";
const HEADING: &str = "## What never happens";
const LINTS: [&str; 2] = ["Cargo.toml", "clippy.toml"];

/// Reports rows without a name, and names that do not exist.
pub(super) fn absences_have_checks(files: &[SourceFile]) -> Vec<Fault> {
    let page = files.iter().find(|file| file.path == PAGE);
    let section = page.and_then(|page| page.text.split_once(HEADING)).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<_> = section.lines().filter_map(cells).collect();
    if rows.is_empty() {
        return vec![Fault::in_file(PAGE, format!("has no table under `{HEADING}`"))];
    }
    rows.into_iter().flat_map(|row| faults_of(row, files)).collect()
}

/// What never happens, and its checks. `None` if the line is not a row of the table.
fn cells(line: &str) -> Option<(&str, &str)> {
    let (what, held) = line.strip_prefix('|')?.strip_suffix('|')?.rsplit_once('|')?;
    let is_head = what.contains("---") || what.trim() == "never";
    (!is_head).then(|| (what.trim(), held.trim()))
}

fn faults_of((what, held): (&str, &str), files: &[SourceFile]) -> Vec<Fault> {
    let names: Vec<_> = held.split('`').skip(1).step_by(2).filter(|name| is_name(name)).collect();
    if names.is_empty() {
        return vec![Fault::in_file(
            PAGE,
            format!("names no test, rule or lint for this row: {what}; add one"),
        )];
    }
    let unknown = names.into_iter().filter(|name| !exists(name, files));
    unknown
        .map(|name| Fault::in_file(PAGE, format!("names `{name}`, but no function or lint has this name")))
        .collect()
}

fn is_name(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn exists(name: &str, files: &[SourceFile]) -> bool {
    let function = format!("fn {name}(");
    files.iter().any(|file| {
        (file.is_rust() && file.text.contains(&function))
            || (LINTS.contains(&file.path.as_str()) && file.text.contains(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn rows_without_a_check_and_missing_checks_are_reported() {
        let page = |row: &str| sample(PAGE, &format!("{HEADING}\n\n| never | held by |\n|---|---|\n{row}\n"));
        let source = sample("a.rs", "//! A.\n\nfn it_holds() {}\n");
        let faults = |row: &str| {
            let source = sample("a.rs", &source.text);
            absences_have_checks(&[page(row), source]).len()
        };
        assert_eq!(faults("| x | `it_holds` |"), 0);
        assert_eq!(faults("| x | trust |"), 1);
        assert_eq!(faults("| x | `it_held` |"), 1);
        assert_eq!(absences_have_checks(&[sample(PAGE, "nothing")]).len(), 1);
    }
}
