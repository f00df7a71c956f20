//! docs/guide/troubleshooting.md explains every error code, every message of the tutorial's routes, and every
//! warning or error in the log.
//!
//! The rule finds codes in `http/error.rs` and below it, messages in the handlers, and log texts in
//! `tracing::error!` and `tracing::warn!`. It matches how they are written in the source. If a kind has no
//! match at all, the rule reports itself as out of date.

use std::collections::BTreeSet;

use super::Fault;
use crate::sources::SourceFile;

const PAGE: &str = "docs/guide/troubleshooting.md";
const ERRORS: &str = "crates/countersign/src/http/error";
const HANDLERS: &str = "crates/countersign/src/http/";
const LOGGING: [&str; 2] = ["crates/countersign/src/", "crates/countersign-store/src/"];

/// Reports codes and texts that the page does not explain, and codes on the page that no source contains.
pub(super) fn errors_are_documented(files: &[SourceFile]) -> Vec<Fault> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![Fault::in_file(PAGE, "is missing; it explains errors and what to do about them")];
    };
    let of = |folders: &[&str], find: fn(&str) -> Vec<&str>| -> BTreeSet<String> {
        let is_searched = |file: &&SourceFile| folders.iter().any(|folder| file.path.starts_with(folder));
        let sources = files.iter().filter(|file| file.is_rust() && !file.is_test()).filter(is_searched);
        sources.flat_map(|file| find(&file.text)).map(joined).collect()
    };
    let codes = of(&[ERRORS], codes);
    let listed = rows(&page.text);
    let mut faults = Vec::new();
    for (kind, wanted) in
        [("code", &codes), ("message", &of(&[HANDLERS], messages)), ("log text", &of(&LOGGING, log_texts))]
    {
        if wanted.is_empty() {
            faults.push(Fault::in_file(
                PAGE,
                format!("no {kind} was found in the sources; fix this rule in xtask/src/tidy/error_docs.rs"),
            ));
        }
        // A row cannot contain backticks in backticks, so only the text before them is compared.
        let unquoted = wanted.iter().map(|wanted| wanted.split('`').next().unwrap_or_default().trim());
        for missing in unquoted.filter(|wanted| !listed.contains(wanted)) {
            let what = format!("does not explain the {kind} `{missing}`; add a row that begins with it");
            faults.push(Fault::in_file(PAGE, what));
        }
    }
    for stale in listed.iter().filter(|row| is_code(row) && !codes.contains(**row)) {
        faults.push(Fault::in_file(
            PAGE,
            format!("explains `{stale}`, which no route returns; remove the row"),
        ));
    }
    faults
}

/// The code or text at the beginning of each row of the page's tables.
fn rows(page: &str) -> BTreeSet<&str> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The codes in `Self::new(StatusCode::…, "code", …)`, and in the arms of a `match`.
fn codes(source: &str) -> Vec<&str> {
    let made =
        after(source, "Self::new(").filter_map(|rest| first_literal(rest.split_once(',')?.1.trim_start()));
    let chosen = after(source, "=>").filter_map(|rest| {
        first_literal(rest.trim_start_matches(|c: char| c.is_whitespace() || "{(".contains(c)))
    });
    made.chain(chosen).filter(|literal| is_code(literal)).collect()
}

/// The messages that handlers of the tutorial's routes contain.
fn messages(source: &str) -> Vec<&str> {
    let called = ["Message::unauthorized(", "Message::forbidden("];
    let called = called.into_iter().flat_map(|call| after(source, call)).filter_map(first_literal);
    let named = after(source, "const BAD_").filter_map(|rest| first_literal(rest.split_once("= ")?.1));
    called.chain(named).collect()
}

/// The text of each `tracing::error!` and `tracing::warn!`, which is the last literal.
fn log_texts(source: &str) -> Vec<&str> {
    let calls = ["tracing::error!(", "tracing::warn!("].into_iter().flat_map(|call| after(source, call));
    calls.filter_map(|rest| literals(to_closing(rest)).last()).collect()
}

/// The arguments of a call: the text up to the closing bracket.
fn to_closing(text: &str) -> &str {
    let (mut depth, mut is_quoted) = (0, false);
    let end = text.find(|c| {
        match c {
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted && depth == 0 => return true,
            ')' if !is_quoted => depth -= 1,
            _ => {}
        }
        false
    });
    &text[..end.unwrap_or(text.len())]
}

fn after<'s>(source: &'s str, mark: &'s str) -> impl Iterator<Item = &'s str> {
    source.match_indices(mark).map(move |(place, _)| &source[place + mark.len()..])
}

/// The literal at the beginning of a text.
fn first_literal(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.split('"').next()
}

/// The literals of a text. Literals that contain escaped quotes are not recognised.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// A literal as one line: a backslash at the end of a line continues it on the next.
fn joined(literal: &str) -> String {
    let lines = literal.split("\\\n").enumerate();
    lines.map(|(number, line)| if number == 0 { line } else { line.trim_start() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const SOURCE: &str = r#"
        pub(super) fn busy() -> Self { Self::new(StatusCode::A, "busy", "Text.") }
        fn long() -> Self {
            Self::new(
                StatusCode::B,
                "too_long",
                "Text.",
            )
        }
        _ if it.is() => "later",
        StatusCode::C => ("gone", "There is nothing."),
        StatusCode::D => {
            ("moved", "Elsewhere.")
        }
        _ => Self::other(),
        return Err(Message::forbidden("Not for you"));
        const BAD_TOKEN: &str = "Bad token";
        Kind::A => tracing::error!(key = f("value"), "it (nearly) \
            broke: see `key`"),
        Kind::B => tracing::info!("started");
    "#;

    #[test]
    fn codes_messages_and_log_texts_are_found_in_the_source() {
        assert_eq!(codes(SOURCE), ["busy", "too_long", "later", "gone", "moved"]);
        assert_eq!(messages(SOURCE), ["Not for you", "Bad token"]);
        assert_eq!(
            log_texts(SOURCE).into_iter().map(joined).collect::<Vec<_>>(),
            ["it (nearly) broke: see `key`"]
        );
    }

    #[test]
    fn missing_and_unknown_rows_are_reported() {
        let page = "| `busy` | a |\n| `later` | b |\n| `gone` | c |\n| `moved` | c |\n| `unknown` | d |\n| `Not for you` | e |\n\
                    | `it (nearly) broke: see` `key` | f |\n";
        let faults = errors_are_documented(&[sample(PAGE, page), sample(&format!("{ERRORS}.rs"), SOURCE)]);
        let named =
            |name: &str| faults.iter().filter(|fault| fault.what.contains(&format!("`{name}`"))).count();
        assert_eq!((named("too_long"), named("Bad token"), named("unknown")), (1, 1, 1));
        assert_eq!(faults.len(), 3);
    }
}
