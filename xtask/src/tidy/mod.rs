//! The rules of the house that no compiler knows.
//!
//! Each rule is one function from what it looks at to the faults that it finds;
//! each fault says where it is and how to mend it. ARCHITECTURE.md says what
//! the rules protect.

mod absences;
mod circles;
mod citations;
mod edges;
mod layers;
mod links;
mod manifest;
mod names;
mod shapes;
mod troubles;

use anyhow::{Result, bail};

use crate::console::{Remark, say};
use crate::sources;

/// A place where a rule is broken, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    place: String,
    what: String,
}

/// Checks every rule and says how many places were looked at.
pub(crate) fn run() -> Result<()> {
    let remark = check()?;
    say(&remark);
    Ok(())
}

/// Checks every rule.
pub(crate) fn check() -> Result<Remark> {
    let files = sources::files()?;
    let metadata = edges::metadata()?;
    let faults: Vec<Fault> = [
        edges::crates_depend_as_drawn(&metadata),
        edges::crates_keep_out_what_they_must(&metadata),
        manifest::dependencies_have_reasons(&files),
        shapes::files_are_short(&files),
        shapes::modules_tell_their_story(&files),
        shapes::nothing_is_put_off(&files),
        shapes::migrations_have_no_gaps(&files),
        circles::modules_have_no_circles(&files),
        layers::handlers_leave_the_store_alone(&files),
        layers::flows_know_no_http(&files),
        layers::sql_stays_in_the_store(&files),
        layers::back_ends_are_named_in_two_places(&files),
        names::names_use_the_glossary(&files),
        absences::absences_are_held(&files),
        citations::tests_cite_requirements(&files),
        links::links_lead_somewhere(&files),
        links::the_book_is_whole(&files),
        troubles::troubles_are_explained(&files),
    ]
    .concat();
    for fault in &faults {
        say(&format!("{}: {}", fault.place, fault.what));
    }
    match faults.len() {
        0 => Ok(format!("{} files", files.len())),
        count => bail!("{count} places are not as they should be"),
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

/// A file for the tests of a rule.
#[cfg(test)]
fn sample(path: &str, text: &str) -> sources::SourceFile {
    sources::SourceFile { path: path.to_owned(), text: text.to_owned() }
}
