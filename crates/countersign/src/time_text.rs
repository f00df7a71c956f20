//! Times for people and for JSON: RFC 3339 in UTC.

use countersign_core::Timestamp;

/// A moment such as `2027-01-31T12:00:00Z`.
pub fn rfc3339(time: Timestamp) -> String {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// A moment such as `2027-01-31T12:00:00.250Z`, from milliseconds since the Unix epoch.
pub fn rfc3339_millis(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX))
}

/// A moment for a sentence, such as `2027-01-31 12:00:00 UTC`.
pub fn spoken(time: Timestamp) -> String {
    rfc3339(time).replace('T', " ").replace('Z', " UTC")
}
