//! A strict JSON parser: it rejects text that two parsers could read differently (RFC 8259, RFC 7515 §4).
//!
//! Use [`parse_strict`] for values that are verified or compared, and [`parse_exact`] for values that are
//! stored and sent again.
//!
//! If two parsers read `{"aud":"a","aud":"b"}` differently, an attacker can bypass a check. The parser
//! therefore rejects duplicate member names at every level. It also rejects text that is not UTF-8, numbers
//! beyond the range of a double (`1e400`), more than 64 levels, and anything after the value.

use std::fmt;
use std::iter;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Levels of arrays and objects. The tokens of Countersign have two.
const DEEPEST: usize = 64;

/// The bytes are not JSON, or are JSON that another parser could read differently. The source names the
/// position.
#[derive(Debug, thiserror::Error)]
#[error("invalid or ambiguous JSON")]
pub struct JsonError(#[from] serde_json::Error);

/// Parses one JSON value, with nothing but white space around it.
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
/// Fails if the bytes are not UTF-8, are not JSON, contain a duplicate member name, have more than 64 levels,
/// contain a number beyond the range of a double, or contain anything after the value.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { levels_left: DEEPEST }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Like [`parse_strict`], but also rejects numbers that a [`Value`] would round: integers that do not fit
/// into 64 bits, and fractions with more digits than a double can represent. A rounded account number could
/// be the number of another account.
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
/// Fails in the cases of [`parse_strict`], and if a number would be rounded.
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

/// How many characters of a number an error text shows.
const LONGEST_SHOWN: usize = 40;

/// Finds the numbers in a valid JSON text, exactly as written.
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

/// Returns the text after the string whose opening quote is just before `text`.
fn behind_string(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or("", |end| &text[end + 1..])
}

/// Whether a [`Value`] represents this number without rounding.
fn is_exact(number: &str) -> bool {
    if number.contains(['.', 'e', 'E']) {
        // `{:e}` prints the shortest text that parses to the same double.
        let kept = number.parse().map(|double: f64| format!("{double:e}"));
        kept.is_ok_and(|kept| decimal(&kept).is_some_and(|kept| decimal(number) == Some(kept)))
    } else {
        number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok()
    }
}

/// Normalises a number: its digits without leading and trailing zeros, and the power of ten of the last
/// digit.
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
                return Err(de::Error::custom("duplicate member name"));
            }
        }
        Ok(Value::Object(object))
    }
}
