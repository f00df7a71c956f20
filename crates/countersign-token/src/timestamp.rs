//! Whole seconds since the Unix epoch, which is what RFC 7519 §2 calls a `NumericDate`.
//!
//! Arithmetic saturates, because a lifetime that overflows means "for ever" and must not panic. The crate
//! never asks for the time: whoever verifies passes `now`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Number;

/// A moment, to the second.
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

/// The largest whole number that every JSON implementation reads alike (RFC 8259 §6).
const LARGEST_EXACT_INTEGER: u64 = (1 << 53) - 1;

impl Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The moment `duration` later; fractions of a second are dropped.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// The moment `duration` earlier, at the earliest the epoch; fractions of a second are dropped.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// How long after `earlier` this is; `None` when `earlier` is in fact later.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_secs)
    }

    /// Reads a `NumericDate`. Fractions, which RFC 7519 §2 allows, are dropped; numbers before the epoch or
    /// beyond 2^53 - 1 are refused.
    pub(crate) fn from_number(number: &Number) -> Option<Self> {
        match number.as_u64() {
            Some(seconds) => (seconds <= LARGEST_EXACT_INTEGER).then_some(Self(seconds)),
            None => Self::from_fraction(number.as_f64()?),
        }
    }

    fn from_fraction(seconds: f64) -> Option<Self> {
        // The range check also refuses NaN, and it makes the cast exact but for the fraction.
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
        formatter.write_str("seconds since the epoch, as a number")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
        Timestamp::from_number(&seconds.into()).ok_or_else(|| E::custom("moment out of range"))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
        Timestamp::from_number(&seconds.into()).ok_or_else(|| E::custom("moment out of range"))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
        Timestamp::from_fraction(seconds).ok_or_else(|| E::custom("moment out of range"))
    }
}
