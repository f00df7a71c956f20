//! Names must not contain words that the glossary has retired.
//!
//! The rule reads identifiers in Rust and JavaScript, the titles of JavaScript tests, and the names of files.
//! A word counts only as a whole part of a name: `piece` is a part of `next_piece` and of `NextPiece`,
//! but not of `timepiece`. The rule skips comments and other strings, because they are prose.

mod javascript;

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};

use super::Fault;
use crate::sources::SourceFile;

/// Retired words, and what to write instead. A word with `_` matches parts that follow each other.
const RETIRED: [(&[&str], &str); 11] = [
    (&["taken_back", "take_back", "takes_back", "taking_back"], "`revoked` or `revoke`"),
    (&["piece", "pieces"], "`page` or `pages`"),
    (&["stranger", "strangers"], "`untrusted_client` or `anonymous_client`"),
    (&["somebody"], "the actor: `user`, `client`, `another_process`"),
    (&["nobody"], "the actor and `no`: `no_user`, `no_client`"),
    (&["whoever"], "the actor: `user`, `client`"),
    (&["mend", "mends", "mended"], "`repair` or `fix`"),
    (&["dear", "dearer"], "`expensive`"),
    (&["voice"], "what the value is: `connection`, `liveness`"),
    (&["anew"], "`again` or `restart`"),
    (&["tutorial_token", "tutorial_tokens"], "`legacy_token` or `legacy_tokens`"),
];

/// Reports retired words in names: for each name, the first line of each file that has it.
pub(super) fn names_use_the_glossary(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        if let Some((word, instead)) = retired_in(&file.path) {
            let what = format!("the path contains `{word}`; use {instead}");
            faults.push(Fault::in_file(&file.path, what));
        }
        let mut first_lines: BTreeMap<String, usize> = BTreeMap::new();
        for (name, line) in names(file) {
            first_lines.entry(name).or_insert(line);
        }
        for (name, line) in first_lines {
            if let Some((word, instead)) = retired_in(&name) {
                let what = format!("`{name}` contains `{word}`; use {instead}");
                faults.push(Fault::at_line(&file.path, line, what));
            }
        }
    }
    faults
}

fn names(file: &SourceFile) -> Vec<(String, usize)> {
    if file.is_rust() {
        let mut names = Vec::new();
        // A file that is not valid Rust fails to compile, so it needs no message here.
        identifiers(file.text.parse().unwrap_or_default(), &mut names);
        names
    } else if file.is_javascript() {
        javascript::names(&file.text)
    } else {
        Vec::new()
    }
}

fn identifiers(tokens: TokenStream, names: &mut Vec<(String, usize)>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => names.push((ident.to_string(), ident.span().start().line)),
            TokenTree::Group(group) => identifiers(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The first retired word in a name, and what to write instead.
fn retired_in(name: &str) -> Option<(&'static str, &'static str)> {
    let parts = format!("_{}_", parts(name).join("_"));
    let mut words =
        RETIRED.iter().flat_map(|(words, instead)| words.iter().map(move |word| (*word, *instead)));
    words.find(|(word, _)| parts.contains(&format!("_{word}_")))
}

/// The parts of a name in lower case: `nextPiece`, `NEXT_PIECE` and `next piece` have the same two.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower_case = false;
    for c in name.chars() {
        let begins_part = c.is_uppercase() && after_lower_case;
        if !c.is_alphanumeric() || begins_part {
            parts.push(String::new());
        }
        if let (true, Some(part)) = (c.is_alphanumeric(), parts.last_mut()) {
            part.extend(c.to_lowercase());
        }
        after_lower_case = c.is_lowercase() || c.is_numeric();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn a_retired_word_is_found_as_a_whole_part_of_a_name() {
        for name in ["next_piece", "NextPiece", "nextPiece", "NEXT_PIECE", "a piece of it", "src/piece.js"] {
            assert_eq!(retired_in(name).map(|(word, _)| word), Some("piece"), "{name}");
        }
        assert_eq!(retired_in("wasTakenBack").map(|(word, _)| word), Some("taken_back"));
        for name in ["timepiece", "recommends", "taken_and_back", "TutorialRoutes"] {
            assert_eq!(retired_in(name), None, "{name}");
        }
    }

    #[test]
    fn each_name_is_reported_once_in_a_file_at_its_first_line() {
        let rust =
            "// A piece.\nfn next_piece() {\n    let text = \"piece\";\n    next_piece(vec![piece]);\n}\n";
        let script = "const a = 'piece'; // piece\ntest(\"a piece is read\", () => nextPiece());\n";
        let files = [
            sample("a.rs", rust),
            sample("a.test.mjs", script),
            sample("docs/a.md", "piece"),
            sample("src/voice.rs", "piece"),
        ];
        let places: Vec<_> = names_use_the_glossary(&files).into_iter().map(|fault| fault.place).collect();
        assert_eq!(
            places,
            ["a.rs:2", "a.rs:4", "a.test.mjs:2", "a.test.mjs:2", "src/voice.rs", "src/voice.rs:1"]
        );
    }
}
