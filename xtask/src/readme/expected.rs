//! How an answer is compared with the page.
//!
//! `…` stands for what varies. In a `text` block it stands for any part of a
//! line, and alone on a line for any number of lines. In a `json` block the
//! value `"…"` stands for any value, `…` inside a string for any part of it,
//! and the member `"…": "…"` for any further members; layout does not matter.

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

const VARIES: &str = "…";

/// What a page says that its commands answer.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Text(String),
    Json(Value),
}

impl Expected {
    /// Reads a `json` block.
    pub(super) fn json(text: &str) -> Result<Self> {
        let value = serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))?;
        Ok(Self::Json(value))
    }

    /// Compares an answer with it.
    pub(super) fn check(&self, answer: &str) -> Result<()> {
        let (is_same, page) = match self {
            Self::Text(text) => (lines_fit(&lines(text), &lines(answer)), text.clone()),
            Self::Json(value) => {
                let answer = serde_json::from_str(answer);
                (answer.is_ok_and(|answer| value_fits(value, &answer)), value.to_string())
            }
        };
        if is_same { Ok(()) } else { bail!("the page says\n{page}\nand the answer is\n{answer}") }
    }

    /// Whether the answer so far begins with it; for a server, which goes on talking.
    pub(super) fn has_come(&self, so_far: &str) -> bool {
        match self {
            Self::Text(text) => {
                let page =
                    lines(&format!("{text}\n{VARIES}")).into_iter().map(str::to_owned).collect::<Vec<_>>();
                lines_fit(&page.iter().map(String::as_str).collect::<Vec<_>>(), &lines(so_far))
            }
            Self::Json(_) => self.check(so_far).is_ok(),
        }
    }
}

/// The lines of a text without those that are empty.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

fn lines_fit(page: &[&str], answer: &[&str]) -> bool {
    match page.split_first() {
        None => answer.is_empty(),
        Some((&VARIES, rest)) => (0..=answer.len()).any(|skipped| lines_fit(rest, &answer[skipped..])),
        Some((first, rest)) => answer
            .split_first()
            .is_some_and(|(line, answer)| line_fits(first, line) && lines_fit(rest, answer)),
    }
}

fn line_fits(page: &str, line: &str) -> bool {
    let Some((before, after)) = page.split_once(VARIES) else { return page == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| line_fits(after, &rest[at..]))
}

fn value_fits(page: &Value, answer: &Value) -> bool {
    match (page, answer) {
        (Value::String(page), _) if page == VARIES => true,
        (Value::String(page), Value::String(answer)) => line_fits(page, answer),
        (Value::Array(page), Value::Array(answer)) => {
            page.len() == answer.len()
                && page.iter().zip(answer).all(|(page, answer)| value_fits(page, answer))
        }
        (Value::Object(page), Value::Object(answer)) => members_fit(page, answer),
        _ => page == answer,
    }
}

fn members_fit(page: &Map<String, Value>, answer: &Map<String, Value>) -> bool {
    let named = page.iter().filter(|(name, _)| *name != VARIES);
    let mut has_all =
        named.map(|(name, value)| answer.get(name).is_some_and(|found| value_fits(value, found)));
    let knows_all = page.contains_key(VARIES) || answer.keys().all(|name| page.contains_key(name));
    knows_all && has_all.all(|has| has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_fits(page: &str, answer: &str) -> bool {
        Expected::Text(page.to_owned()).check(answer).is_ok()
    }

    fn json_fits(page: &str, answer: &str) -> bool {
        Expected::json(page).unwrap().check(answer).is_ok()
    }

    #[test]
    fn text_must_be_the_same_but_where_it_varies() {
        assert!(text_fits("a 1\nb", "a 1\nb\n\n"));
        assert!(text_fits("at … from …: done", "at noon from home: done"));
        assert!(text_fits("first\n…\nlast", "first\n2\n3\nlast"));
        assert!(!text_fits("a", "a\nb"));
        assert!(!text_fits("at … from …: done", "at noon from home: failed"));
        assert!(!text_fits("first\n…\nlast", "first\n2"));
    }

    #[test]
    fn json_must_be_the_same_but_where_it_varies() {
        assert!(json_fits(r#"{"a": "…", "b": "csr_…"}"#, r#"{"b":"csr_1","a":[1]}"#));
        assert!(json_fits(r#"{"a": 1, "…": "…"}"#, r#"{"a":1,"b":2}"#));
        assert!(!json_fits(r#"{"a": 1}"#, r#"{"a":1,"b":2}"#));
        assert!(!json_fits(r#"{"a": 1, "…": "…"}"#, r#"{"b":2}"#));
        assert!(!json_fits(r#"{"b": "csr_…"}"#, r#"{"b":"csd_1"}"#));
        assert!(!json_fits(r#"{"a": 1}"#, "<html>"));
    }

    #[test]
    fn a_server_may_go_on_talking() {
        let expected = Expected::Text("running on port …".to_owned());
        assert!(expected.has_come("running on port 3000\nand more\n"));
        assert!(!expected.has_come("still starting\n"));
    }
}
