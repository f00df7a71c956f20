//! The comparison of a command's output with the page.
//!
//! `…` matches parts that vary. In a `text` block it matches any part of a line; alone on a line it matches any
//! number of lines. In a `json` block the value `"…"` matches any value, `…` inside a string matches any part of
//! the string, and the member `"…": "…"` matches any further members. White space in JSON does not matter.

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

const VARIES: &str = "…";

/// The output that a page shows for its commands.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Text(String),
    Json(Value),
}

impl Expected {
    /// Parses a `json` block.
    pub(super) fn json(text: &str) -> Result<Self> {
        let value = serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))?;
        Ok(Self::Json(value))
    }

    /// Checks that the output matches.
    pub(super) fn check(&self, output: &str) -> Result<()> {
        let (is_same, page) = match self {
            Self::Text(text) => (lines_match(&lines(text), &lines(output)), text.clone()),
            Self::Json(value) => {
                let output = serde_json::from_str(output);
                (output.is_ok_and(|output| value_matches(value, &output)), value.to_string())
            }
        };
        if is_same { Ok(()) } else { bail!("the page shows\n{page}\nbut the output is\n{output}") }
    }

    /// Whether the output so far begins with the expected output. A server may print more lines.
    pub(super) fn matches_start_of(&self, so_far: &str) -> bool {
        match self {
            Self::Text(text) => {
                let page =
                    lines(&format!("{text}\n{VARIES}")).into_iter().map(str::to_owned).collect::<Vec<_>>();
                lines_match(&page.iter().map(String::as_str).collect::<Vec<_>>(), &lines(so_far))
            }
            Self::Json(_) => self.check(so_far).is_ok(),
        }
    }
}

/// The lines of a text without empty lines.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

fn lines_match(page: &[&str], output: &[&str]) -> bool {
    match page.split_first() {
        None => output.is_empty(),
        Some((&VARIES, rest)) => (0..=output.len()).any(|skipped| lines_match(rest, &output[skipped..])),
        Some((first, rest)) => output
            .split_first()
            .is_some_and(|(line, output)| line_matches(first, line) && lines_match(rest, output)),
    }
}

fn line_matches(page: &str, line: &str) -> bool {
    let Some((before, after)) = page.split_once(VARIES) else { return page == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| line_matches(after, &rest[at..]))
}

fn value_matches(page: &Value, output: &Value) -> bool {
    match (page, output) {
        (Value::String(page), _) if page == VARIES => true,
        (Value::String(page), Value::String(output)) => line_matches(page, output),
        (Value::Array(page), Value::Array(output)) => {
            page.len() == output.len()
                && page.iter().zip(output).all(|(page, output)| value_matches(page, output))
        }
        (Value::Object(page), Value::Object(output)) => members_match(page, output),
        _ => page == output,
    }
}

fn members_match(page: &Map<String, Value>, output: &Map<String, Value>) -> bool {
    let named = page.iter().filter(|(name, _)| *name != VARIES);
    let mut has_all =
        named.map(|(name, value)| output.get(name).is_some_and(|found| value_matches(value, found)));
    let knows_all = page.contains_key(VARIES) || output.keys().all(|name| page.contains_key(name));
    knows_all && has_all.all(|has| has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_matches(page: &str, output: &str) -> bool {
        Expected::Text(page.to_owned()).check(output).is_ok()
    }

    fn json_matches(page: &str, output: &str) -> bool {
        Expected::json(page).unwrap().check(output).is_ok()
    }

    #[test]
    fn text_must_be_equal_except_for_marked_parts() {
        assert!(text_matches("a 1\nb", "a 1\nb\n\n"));
        assert!(text_matches("at … from …: done", "at noon from home: done"));
        assert!(text_matches("first\n…\nlast", "first\n2\n3\nlast"));
        assert!(!text_matches("a", "a\nb"));
        assert!(!text_matches("at … from …: done", "at noon from home: failed"));
        assert!(!text_matches("first\n…\nlast", "first\n2"));
    }

    #[test]
    fn json_must_be_equal_except_for_marked_parts() {
        assert!(json_matches(r#"{"a": "…", "b": "csr_…"}"#, r#"{"b":"csr_1","a":[1]}"#));
        assert!(json_matches(r#"{"a": 1, "…": "…"}"#, r#"{"a":1,"b":2}"#));
        assert!(!json_matches(r#"{"a": 1}"#, r#"{"a":1,"b":2}"#));
        assert!(!json_matches(r#"{"a": 1, "…": "…"}"#, r#"{"b":2}"#));
        assert!(!json_matches(r#"{"b": "csr_…"}"#, r#"{"b":"csd_1"}"#));
        assert!(!json_matches(r#"{"a": 1}"#, "<html>"));
    }

    #[test]
    fn a_server_may_print_more_lines() {
        let expected = Expected::Text("running on port …".to_owned());
        assert!(expected.matches_start_of("running on port 3000\nand more\n"));
        assert!(!expected.matches_start_of("still starting\n"));
    }
}
