//! Tests cite every requirement of docs/security.md, and every citation names a requirement.
//!
//! A citation is a comment on its own line in test code that begins with ids:
//! `// C4`, `// B8, B9`, `/// C1 and incident 1: the key decides.` A row of the
//! document begins with its id: `| C4 |`, `| incident 5 |`.

use std::collections::BTreeMap;

use super::Fault;
use crate::sources::SourceFile;

const DOCUMENT: &str = "docs/security.md";

/// Reports requirements without a citation, and citations without a requirement.
pub(super) fn tests_cite_requirements(files: &[SourceFile]) -> Vec<Fault> {
    let Some(document) = files.iter().find(|file| file.path == DOCUMENT) else {
        return vec![Fault::in_file(DOCUMENT, "is missing; it lists the requirements that tests cite")];
    };
    let mut rows: BTreeMap<String, (usize, bool)> =
        document.lines().filter_map(|(number, line)| Some((row_id(line)?, (number, false)))).collect();
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, id) in citations(file) {
            match rows.get_mut(&id) {
                Some((_, is_cited)) => *is_cited = true,
                None => {
                    let what =
                        format!("cites {id}, which {DOCUMENT} does not list; add the row or correct the id");
                    faults.push(Fault::at_line(&file.path, number, what));
                }
            }
        }
    }
    for (id, (number, _)) in rows.iter().filter(|(_, (_, is_cited))| !*is_cited) {
        let what = format!("no test cites {id}; write one and put `// {id}` above it");
        faults.push(Fault::at_line(DOCUMENT, *number, what));
    }
    faults
}

/// The id of a row of the document.
fn row_id(line: &str) -> Option<String> {
    let first = line.strip_prefix("| ")?.split(" |").next()?;
    match ids_in(first).as_slice() {
        [id] if *id == first => Some(id.clone()),
        _ => None,
    }
}

/// The citations in the test code of a file: the line and the id of each.
fn citations(file: &SourceFile) -> Vec<(usize, String)> {
    let tests_begin = file.text.lines().position(|line| line.trim() == "#[cfg(test)]");
    let first = if file.is_test() { Some(0) } else { tests_begin };
    let Some(first) = first else { return Vec::new() };
    let cited = |(number, line): (usize, &str)| {
        let comment = line.trim_start().strip_prefix("//")?.trim_start_matches('/').strip_prefix(' ')?;
        Some(ids_in(comment).into_iter().map(move |id| (number, id)))
    };
    file.lines().skip(first).filter_map(cited).flatten().collect()
}

/// The ids at the beginning of a comment: `B8, B9`, `C1 and incident 1`, `C7 and incidents 8 and 9`.
fn ids_in(comment: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut in_incidents = false;
    for word in comment.split_whitespace() {
        let bare = word.trim_end_matches([',', ':', '.']);
        match bare {
            "and" if !ids.is_empty() => {}
            "incident" | "incidents" => in_incidents = true,
            number if in_incidents && number.chars().all(|c| c.is_ascii_digit()) => {
                ids.push(format!("incident {number}"));
            }
            id if is_requirement(id) => ids.push(id.to_owned()),
            _ => break,
        }
        if word.ends_with([':', '.']) {
            break;
        }
    }
    ids
}

fn is_requirement(id: &str) -> bool {
    let mut chars = id.chars();
    chars.next().is_some_and(|c| ('A'..='G').contains(&c))
        && (1..=2).contains(&chars.as_str().len())
        && chars.all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn ids_are_read_from_the_beginning_of_a_comment() {
        assert_eq!(ids_in("B8, B9, D3"), ["B8", "B9", "D3"]);
        let with_incidents = ids_in("C7 and incidents 8 and 9: long inputs are cut");
        assert_eq!(with_incidents, ["C7", "incident 8", "incident 9"]);
        assert_eq!(ids_in("A key that C4 is about"), Vec::<String>::new());
        assert_eq!(ids_in("and more"), Vec::<String>::new());
    }

    #[test]
    fn requirements_without_a_test_and_unknown_citations_are_reported() {
        let document = sample(
            DOCUMENT,
            "# Security\n\n| id | what |\n|---|---|\n| C4 | a |\n| incident 5 | b |\n| C5 | c |\n",
        );
        let source =
            sample("crates/a/src/a.rs", "// C5\nfn a() {}\n#[cfg(test)]\nmod tests {\n    // C4, C9\n}\n");
        let tests = sample("crates/a/tests/a.rs", "/// C4 and incident 5: no.\n");
        let places: Vec<_> =
            tests_cite_requirements(&[document, source, tests]).into_iter().map(|f| f.place).collect();
        assert_eq!(places, ["crates/a/src/a.rs:5", "docs/security.md:7"]);
    }
}
