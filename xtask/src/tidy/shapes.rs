//! The shape of files: a limited length, a module doc, no postponed work, and numbered migrations.

use std::collections::BTreeMap;

use super::Fault;
use crate::sources::SourceFile;

/// The most lines of a source file, so that it can be read at once.
const LONGEST_SOURCE: usize = 400;
/// The most lines of a test file. Tests are independent of each other, so a longer file stays readable.
const LONGEST_TEST: usize = 700;
/// The most lines of a module doc. Longer text belongs in a document.
const LONGEST_DOC: usize = 15;
/// Marks of postponed work, which belongs in an issue. Each is written in two halves, because the rule also
/// checks this file.
const POSTPONED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Reports Rust files that are too long.
pub(super) fn files_are_short(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let longest = if file.is_test() { LONGEST_TEST } else { LONGEST_SOURCE };
        let lines = file.text.lines().count();
        if lines > longest {
            let what = format!("has {lines} lines, but at most {longest} are allowed; split it by topic");
            faults.push(Fault::in_file(&file.path, what));
        }
    }
    faults
}

/// Reports Rust files without a module doc at the top, or with one that is too long.
pub(super) fn modules_have_docs(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let length = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        if length == 0 {
            let what = "has no module doc; begin the file with `//!` and say what it is and why it exists";
            faults.push(Fault::in_file(&file.path, what));
        } else if length > LONGEST_DOC {
            let what = format!(
                "has a module doc of {length} lines, but at most {LONGEST_DOC} are allowed; move the rest to DESIGN.md"
            );
            faults.push(Fault::in_file(&file.path, what));
        }
    }
    faults
}

/// Reports marks of postponed work.
pub(super) fn no_work_is_postponed(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if let Some(word) = POSTPONED.into_iter().find(|word| line.contains(word)) {
                let what = format!("contains {word}; do the work now, or open an issue and remove the mark");
                faults.push(Fault::at_line(&file.path, number, what));
            }
        }
    }
    faults
}

/// Reports migrations whose numbers do not run from 1 without gaps. Each engine has its own folder and numbers.
pub(super) fn migrations_have_no_gaps(files: &[SourceFile]) -> Vec<Fault> {
    let mut numbers: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let mut faults = Vec::new();
    for file in files {
        let Some((directory, name)) = file.path.rsplit_once('/') else { continue };
        if !directory.split('/').any(|part| part == "migrations") {
            continue;
        }
        let number = name.strip_prefix('V').and_then(|rest| rest.split_once("__")?.0.parse().ok());
        match number {
            Some(number) => numbers.entry(directory).or_default().push(number),
            None => faults.push(Fault::in_file(
                &file.path,
                "has an invalid name for a migration; use a name such as `V7__what_it_does.sql`",
            )),
        }
    }
    for (directory, mut numbers) in numbers {
        numbers.sort_unstable();
        if !is_counted(&numbers) {
            let what =
                format!("has the migrations {numbers:?}; number them from 1 without gaps or repetitions");
            faults.push(Fault::in_file(directory, what));
        }
    }
    faults
}

fn is_counted(numbers: &[u32]) -> bool {
    numbers.iter().copied().zip(1..).all(|(number, expected)| number == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn long_files_are_reported_and_tests_may_be_longer() {
        let text = "//! A.\n".repeat(LONGEST_SOURCE + 1);
        assert_eq!(files_are_short(&[sample("crates/a/src/a.rs", &text)]).len(), 1);
        assert_eq!(files_are_short(&[sample("crates/a/tests/all/a.rs", &text)]).len(), 0);
        assert_eq!(files_are_short(&[sample("docs/long.md", &text)]).len(), 0);
    }

    #[test]
    fn missing_and_long_module_docs_are_reported() {
        let long = "//! A.\n".repeat(LONGEST_DOC + 1);
        for text in ["fn main() {}\n", "\n//! Late.\n", &long] {
            assert_eq!(modules_have_docs(&[sample("a.rs", text)]).len(), 1, "{text}");
        }
        assert_eq!(modules_have_docs(&[sample("a.rs", "//! A.\n\nuse b;\n")]).len(), 0);
    }

    #[test]
    fn marks_of_postponed_work_are_reported() {
        let text = format!("//! A.\n// {}: later\n", POSTPONED[0]);
        assert_eq!(no_work_is_postponed(&[sample("a.rs", &text)])[0].place, "a.rs:2");
    }

    #[test]
    fn a_gap_between_migrations_is_reported() {
        let file = |name: &str| sample(&format!("crates/a/migrations/sqlite/{name}"), "SELECT 1;");
        let other = sample("crates/a/migrations/other/V1__a.sql", "SELECT 1;");
        assert_eq!(migrations_have_no_gaps(&[file("V1__a.sql"), other]).len(), 0);
        assert_eq!(migrations_have_no_gaps(&[file("V1__a.sql"), file("V2__b.sql")]).len(), 0);
        assert_eq!(migrations_have_no_gaps(&[file("V1__a.sql"), file("V3__b.sql")]).len(), 1);
        assert_eq!(migrations_have_no_gaps(&[file("V1__a.sql"), file("V1__b.sql")]).len(), 1);
        assert_eq!(migrations_have_no_gaps(&[file("first.sql")]).len(), 1);
    }
}
