//! Durations and dates in the configuration: `15m`, `7d`, `2027-01-31`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use countersign_core::Timestamp;
use jiff::{Span, SpanRelativeTo};
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
        // jiff also reads `1h 30m`, `1.5h`, `-1s` and ISO 8601. A duration is printed with one unit, so only that
        // form is accepted.
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let has_one_unit = unit.len() < text.len() && matches!(unit, "s" | "m" | "h" | "d");
        let span = text.parse::<Span>().ok().filter(|_| has_one_unit).ok_or_else(malformed)?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
        let duration = duration.ok().and_then(|duration| Duration::try_from(duration).ok());
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
    fn only_one_whole_number_and_one_unit_are_accepted() {
        for text in ["1h30m", "1h 30m", "PT15M", "1w", "1ms", "1D", "15min", "15 minutes", "1m ago", " 1m"] {
            let malformed = text.parse::<Lifetime>().unwrap_err();
            let wanted = "a duration of at most ten years, such as `10s`, `15m`, `12h` or `7d`";
            assert_eq!(malformed.to_string(), format!("`{text}` is not {wanted}"));
        }
        for (text, seconds) in [("015m", 900), ("3660d", 316_224_000), ("316224000s", 316_224_000)] {
            assert_eq!(text.parse::<Lifetime>().unwrap().duration().as_secs(), seconds, "{text}");
        }
        assert!("3661d".parse::<Lifetime>().is_err() && "316224001s".parse::<Lifetime>().is_err());
    }

    #[test]
    fn a_date_is_midnight_in_utc() {
        assert_eq!("2027-01-31".parse::<Date>().unwrap().to_string(), "2027-01-31T00:00:00Z");
        assert!("soon".parse::<Date>().is_err());
    }
}
