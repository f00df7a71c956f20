//! JSON that means one thing to everyone (RFC 8259, and RFC 7515 §4 on duplicate members).
//!
//! [`parse_strict`] is for what is verified or compared, [`parse_exact`] for what is kept and sent on.
//!
//! Two parsers that disagree on `{"aud":"a","aud":"b"}` are a way past a check, so a member named twice is
//! refused at every level. Also refused: text that is not UTF-8, numbers that do not fit (`1e400`), more
//! than 64 levels, and anything after the value.

use std::fmt;
use std::iter;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Containers inside containers; a token of ours has two levels.
const DEEPEST: usize = 64;

/// Why bytes are not JSON that can be trusted to mean one thing.
#[derive(Debug, thiserror::Error)]
#[error("not strict JSON")]
pub struct JsonError(#[from] serde_json::Error);

/// Parses one JSON value and nothing else.
///
/// ```
/// use countersign_token::json::parse_strict;
///
/// assert!(parse_strict(br#"{"aud":"shop"}"#).is_ok());
/// assert!(parse_strict(br#"{"aud":"shop","aud":"bank"}"#).is_err());
/// ```
///
/// # Errors
///
/// When the bytes are not UTF-8, are not JSON, repeat a member name, nest deeper than 64 levels, hold a
/// number beyond the range of a double, or go on after the value.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { levels_left: DEEPEST }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// As [`parse_strict`], and refuses numbers that a [`Value`] cannot keep as they are written: integers that do not fit
/// into 64 bits, and fractions with more digits than a double tells apart. Rounded in silence, one account's number
/// could become another's.
///
/// ```
/// use countersign_token::json::parse_exact;
///
/// assert!(parse_exact(br#"{"account":18446744073709551615}"#).is_ok());
/// assert!(parse_exact(br#"{"account":18446744073709551616}"#).is_err());
/// ```
///
/// # Errors
///
/// As [`parse_strict`], and when a number would be rounded.
pub fn parse_exact(bytes: &[u8]) -> Result<Value, JsonError> {
    let value = parse_strict(bytes)?;
    let text = std::str::from_utf8(bytes).expect("strict JSON is UTF-8");
    match numbers(text).find(|number| !is_exact(number)) {
        None => Ok(value),
        Some(number) => {
            let shown: String = number.chars().take(LONGEST_SHOWN).collect();
            let rest = if shown.len() < number.len() { "…" } else { "" };
            let what = format!("the number {shown}{rest} would be rounded; write it as a string");
            Err(JsonError(de::Error::custom(what)))
        }
    }
}

/// Digits of a number that an error repeats.
const LONGEST_SHOWN: usize = 40;

/// The numbers in a text that is JSON, as they are written.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            rest = &rest[start..];
            if let Some(string) = rest.strip_prefix('"') {
                rest = behind_string(string);
                continue;
            }
            let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
            let (number, behind) = rest.split_at(rest.find(|c| !is_of_number(c)).unwrap_or(rest.len()));
            rest = behind;
            return Some(number);
        }
    })
}

/// What follows a string, after its opening quote.
fn behind_string(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or("", |end| &text[end + 1..])
}

/// Whether a [`Value`] keeps this number.
fn is_exact(number: &str) -> bool {
    if number.contains(['.', 'e', 'E']) {
        // The shortest text that is read as the same double.
        let kept = number.parse().map(|double: f64| format!("{double:e}"));
        kept.is_ok_and(|kept| decimal(&kept).is_some_and(|kept| decimal(number) == Some(kept)))
    } else {
        number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok()
    }
}

/// The digits of a number without zeros at either end, and the power of ten of the last one.
fn decimal(number: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches(['-', '0']);
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let shift = i64::try_from(digits.len() - significant.len()).ok()? - i64::try_from(fraction.len()).ok()?;
    Some((significant.to_owned(), exponent.parse::<i64>().ok()?.checked_add(shift)?))
}

#[derive(Clone, Copy)]
struct Strict {
    levels_left: usize,
}

impl Strict {
    fn inside<E: de::Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inside)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("a member is named twice"));
            }
        }
        Ok(Value::Object(object))
    }
}
