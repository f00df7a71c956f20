//! Whole seconds since the Unix epoch: the `NumericDate` of RFC 7519 §2.
//!
//! Arithmetic saturates: a lifetime that overflows never ends, and must not cause a panic. The crate does not
//! read a clock; the caller passes `now`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Number;

/// A point in time with a resolution of one second.
///
/// ```
/// use std::time::Duration;
/// use countersign_token::Timestamp;
///
/// let issued = Timestamp::from_seconds(1_800_000_000);
/// let expires = issued.plus(Duration::from_secs(600));
/// assert_eq!(expires.since(issued), Some(Duration::from_secs(600)));
/// assert_eq!(issued.since(expires), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// The largest integer that every JSON implementation represents exactly (RFC 8259 §6).
const LARGEST_EXACT_INTEGER: u64 = (1 << 53) - 1;

impl Timestamp {
    /// Takes seconds since 1970-01-01T00:00:00Z, without leap seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns seconds since 1970-01-01T00:00:00Z, without leap seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The time `duration` later, at most 2^64 - 1 seconds. Fractions of a second are dropped.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// The time `duration` earlier, but not before the epoch. Fractions of a second are dropped.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// The duration from `earlier` to this time, or `None` if `earlier` is later.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_secs)
    }

    /// Reads a `NumericDate`. Fractions, which RFC 7519 §2 allows, are dropped. Negative numbers and numbers
    /// above 2^53 - 1 return `None`.
    pub(crate) fn from_number(number: &Number) -> Option<Self> {
        match number.as_u64() {
            Some(seconds) => (seconds <= LARGEST_EXACT_INTEGER).then_some(Self(seconds)),
            None => Self::from_fraction(number.as_f64()?),
        }
    }

    fn from_fraction(seconds: f64) -> Option<Self> {
        // The range check also rejects NaN. Within the range, the cast drops only the fraction.
        (0.0..=LARGEST_EXACT_INTEGER as f64).contains(&seconds).then_some(Self(seconds as u64))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumericDate)
    }
}

struct NumericDate;

impl de::Visitor<'_> for NumericDate {
    type Value = Timestamp;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of seconds since the Unix epoch")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
        Timestamp::from_number(&seconds.into()).ok_or_else(|| E::custom("timestamp out of range"))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
        Timestamp::from_number(&seconds.into()).ok_or_else(|| E::custom("timestamp out of range"))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
        Timestamp::from_fraction(seconds).ok_or_else(|| E::custom("timestamp out of range"))
    }
}
