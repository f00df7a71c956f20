//! The shape of files: short, with their story at the top, with nothing put off.

use std::collections::BTreeMap;

use super::Fault;
use crate::repository::SourceFile;

/// A file is read in one sitting.
const LONGEST_SOURCE: usize = 400;
/// Tests are lists, and lists may be longer.
const LONGEST_TEST: usize = 700;
/// A story that is longer belongs into a document.
const LONGEST_STORY: usize = 15;
/// Work that is put off belongs into an issue. In two halves, because this file is checked too.
const PUT_OFF: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Reports files that are too long to read in one sitting.
pub(super) fn files_are_short(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let longest = if file.is_test() { LONGEST_TEST } else { LONGEST_SOURCE };
        let lines = file.text.lines().count();
        if lines > longest {
            let what = format!("has {lines} lines, at most {longest} are allowed; split it by meaning");
            faults.push(Fault::in_file(&file.path, what));
        }
    }
    faults
}

/// Reports module files without a doc at the top, or with one that is too long.
pub(super) fn modules_tell_their_story(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let story = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        if story == 0 {
            let what = "begins without a module doc; say at the top in `//!` what it is and why it exists";
            faults.push(Fault::in_file(&file.path, what));
        } else if story > LONGEST_STORY {
            let what = format!(
                "its module doc has {story} lines, at most {LONGEST_STORY} are allowed; move the rest to DESIGN.md"
            );
            faults.push(Fault::in_file(&file.path, what));
        }
    }
    faults
}

/// Reports words that put work off.
pub(super) fn nothing_is_put_off(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if let Some(word) = PUT_OFF.into_iter().find(|word| line.contains(word)) {
                let what = format!("says {word}; do it now, or open an issue and say nothing here");
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
            None => {
                faults.push(Fault::in_file(&file.path, "is no migration; name it `V7__what_it_does.sql`"))
            }
        }
    }
    for (directory, mut numbers) in numbers {
        numbers.sort_unstable();
        if !is_counted(&numbers) {
            let what =
                format!("has the migrations {numbers:?}; number them from 1, each once, without a gap");
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
    fn a_file_that_is_too_long_is_reported_and_a_test_may_be_longer() {
        let text = "//! A.\n".repeat(LONGEST_SOURCE + 1);
        assert_eq!(files_are_short(&[sample("crates/a/src/a.rs", &text)]).len(), 1);
        assert_eq!(files_are_short(&[sample("crates/a/tests/all/a.rs", &text)]).len(), 0);
        assert_eq!(files_are_short(&[sample("docs/long.md", &text)]).len(), 0);
    }

    #[test]
    fn a_module_without_a_story_is_reported_and_so_is_one_with_a_novel() {
        let novel = "//! A.\n".repeat(LONGEST_STORY + 1);
        for text in ["fn main() {}\n", "\n//! Late.\n", &novel] {
            assert_eq!(modules_tell_their_story(&[sample("a.rs", text)]).len(), 1, "{text}");
        }
        assert_eq!(modules_tell_their_story(&[sample("a.rs", "//! A.\n\nuse b;\n")]).len(), 0);
    }

    #[test]
    fn words_that_put_work_off_are_reported() {
        let text = format!("//! A.\n// {}: later\n", PUT_OFF[0]);
        assert_eq!(nothing_is_put_off(&[sample("a.rs", &text)])[0].place, "a.rs:2");
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
