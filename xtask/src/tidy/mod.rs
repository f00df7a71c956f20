//! The rules of this repository that no compiler checks.
//!
//! Each rule is a function that returns faults. A fault says where it is and how to fix it. ARCHITECTURE.md
//! explains what the rules protect.

mod absences;
mod circles;
mod citations;
mod edges;
mod error_docs;
mod layers;
mod links;
mod manifest;
mod names;
mod shapes;

use anyhow::{Result, bail};

use crate::console::{Remark, say};
use crate::sources;

/// A place that breaks a rule, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    place: String,
    what: String,
}

/// Checks every rule and prints the number of files.
pub(crate) fn run() -> Result<()> {
    let remark = check()?;
    say(&remark);
    Ok(())
}

/// Checks every rule.
///
/// # Errors
/// When a place breaks a rule. All faults are printed first.
pub(crate) fn check() -> Result<Remark> {
    let files = sources::files()?;
    let metadata = edges::metadata()?;
    let faults: Vec<Fault> = [
        edges::crates_depend_as_documented(&metadata),
        edges::crates_avoid_forbidden_dependencies(&metadata),
        manifest::dependencies_have_reasons(&files),
        shapes::files_are_short(&files),
        shapes::modules_have_docs(&files),
        shapes::no_work_is_postponed(&files),
        shapes::migrations_have_no_gaps(&files),
        circles::modules_have_no_circles(&files),
        layers::handlers_do_not_use_the_store(&files),
        layers::flows_do_not_name_http(&files),
        layers::sql_stays_in_the_store(&files),
        layers::back_ends_are_named_in_two_places(&files),
        names::names_use_the_glossary(&files),
        absences::absences_have_checks(&files),
        citations::tests_cite_requirements(&files),
        links::links_have_targets(&files),
        links::the_book_has_every_page(&files),
        error_docs::errors_are_documented(&files),
    ]
    .concat();
    for fault in &faults {
        say(&format!("{}: {}", fault.place, fault.what));
    }
    match faults.len() {
        0 => Ok(format!("{} files", files.len())),
        count => bail!("{count} places break a rule"),
    }
}

impl Fault {
    fn at_line(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), what: what.into() }
    }

    fn in_file(path: &str, what: impl Into<String>) -> Self {
        Self { place: path.to_owned(), what: what.into() }
    }
}

/// A file for the tests of the rules.
#[cfg(test)]
fn sample(path: &str, text: &str) -> sources::SourceFile {
    sources::SourceFile { path: path.to_owned(), text: text.to_owned() }
}
