//! Durations and dates in the configuration: `15m`, `7d`, `2027-01-31`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use countersign_core::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest valid duration: ten years.
const MAX: Duration = Duration::from_secs(3660 * 86_400);

/// A duration such as `10s`, `15m`, `12h` or `7d`; at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Lifetime(Duration);

/// A date such as `2027-01-31`, which means midnight in UTC, or a time such as `2027-01-31T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Date(Timestamp);

/// The text is not a duration or a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct Malformed {
    text: String,
    wanted: &'static str,
}

impl Lifetime {
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    pub const fn days(days: u64) -> Self {
        Self::seconds(days * 86_400)
    }

    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            text: text.to_owned(),
            wanted: "a duration of at most ten years, such as `10s`, `15m`, `12h` or `7d`",
        };
        let unit = text.chars().next_back().ok_or_else(malformed)?;
        let seconds_each = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(malformed()),
        };
        let digits = text.trim_end_matches(unit);
        let is_plain = digits.len() + 1 == text.len() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let count: u64 = digits.parse().ok().filter(|_| is_plain).ok_or_else(malformed)?;
        let duration = count.checked_mul(seconds_each).map(Duration::from_secs);
        duration.filter(|duration| *duration <= MAX).map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        for (each, unit) in [(86_400, 'd'), (3600, 'h'), (60, 'm')] {
            if seconds > 0 && seconds.is_multiple_of(each) {
                return write!(f, "{}{unit}", seconds / each);
            }
        }
        write!(f, "{seconds}s")
    }
}

impl Date {
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl FromStr for Date {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed { text: text.to_owned(), wanted: "a date such as `2027-01-31`" };
        let moment = text.parse::<jiff::Timestamp>().or_else(|_| {
            let day = text.parse::<jiff::civil::Date>()?;
            day.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp())
        });
        let seconds = moment.ok().and_then(|moment| u64::try_from(moment.as_second()).ok());
        seconds.map(|seconds| Self(Timestamp::from_seconds(seconds))).ok_or_else(malformed)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::time_text::rfc3339(self.0))
    }
}

impl TryFrom<String> for Lifetime {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Lifetime> for String {
    fn from(lifetime: Lifetime) -> Self {
        lifetime.to_string()
    }
}

impl TryFrom<String> for Date {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_duration_can_be_parsed() {
        for text in ["0s", "10s", "15m", "36h", "7d"] {
            assert_eq!(text.parse::<Lifetime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_durations_are_rejected() {
        for text in
            ["", "s", "15", "-1s", "+1s", "1.5h", "15 m", "1mm", "99999999999999999999d", "99999d", "15é"]
        {
            assert!(text.parse::<Lifetime>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_date_is_midnight_in_utc() {
        assert_eq!("2027-01-31".parse::<Date>().unwrap().to_string(), "2027-01-31T00:00:00Z");
        assert!("soon".parse::<Date>().is_err());
    }
}
