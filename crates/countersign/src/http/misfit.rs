//! Describes why a request does not fit what its route accepts.
//!
//! The text names the member and what the server expected. It does not repeat the sent value, which may be a secret or
//! very long.

use std::error::Error;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The longest name of an unknown member that the text repeats. A client may have sent a secret in the place of a name.
const LONGEST_NAME: usize = 32;

/// Describes why a JSON object is not a `T`. `error` is the error of the whole object.
pub(super) fn of_body<T: DeserializeOwned>(body: &Value, error: &serde_json::Error) -> String {
    // Serde does not say in which member an error is. The same error occurs if the object has only this member.
    let first = body.as_object().into_iter().flatten().find_map(|(name, value)| {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        T::deserialize(alone).err().filter(|error| !is_missing(error)).map(|error| (name, error))
    });
    match first {
        Some((name, error)) => described(Some(name), &error),
        None => described(None, error),
    }
}

/// Describes why a query does not have the parameters of its route.
pub(super) fn of_query(error: &dyn Error) -> String {
    described(None, error)
}

/// `name` is the name of the member, if it is known.
fn described(name: Option<&str>, error: &dyn Error) -> String {
    let text = root(error).to_string();
    let is_unknown = text.starts_with("unknown field");
    let what = name.map_or_else(|| "a value".to_owned(), |name| format!("`{name}`"));
    // The list of expected values is written by this server and comes last.
    match text.rsplit_once(", expected ") {
        Some((_, known)) if is_unknown => {
            format!("{}; expected {known}", unknown(name))
        }
        Some((_, expected)) => format!("{what} is wrong; expected {}", plain(expected)),
        None if is_unknown && name.is_some() => unknown(name),
        None if text.len() >= 120 => format!("{what} is malformed"),
        None if name.is_none() || is_missing(&text) => text,
        None => format!("{what} is wrong: {text}"),
    }
}

fn unknown(name: Option<&str>) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match name.filter(|name| name.len() <= LONGEST_NAME && name.bytes().all(is_plain)) {
        Some(name) => format!("the member `{name}` is unknown"),
        None => "a name is unknown".to_owned(),
    }
}

/// The error that caused the others.
fn root(error: &dyn Error) -> &dyn Error {
    match error.source() {
        Some(source) => root(source),
        None => error,
    }
}

/// Serde's name of a type, in words that do not assume Rust.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        other => other,
    }
}

fn is_missing(error: &impl ToString) -> bool {
    error.to_string().starts_with("missing field")
}
