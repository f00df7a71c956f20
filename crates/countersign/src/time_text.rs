//! The text forms of times, in UTC: RFC 3339 for JSON, and a form for sentences.

use countersign_core::Timestamp;

/// For example `2027-01-31T12:00:00Z`.
pub fn rfc3339(time: Timestamp) -> String {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// For example `2027-01-31T12:00:00.250Z`. `millis` counts from the Unix epoch.
pub fn rfc3339_millis(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX))
}

/// The form for sentences, for example `2027-01-31 12:00:00 UTC`.
pub fn spoken(time: Timestamp) -> String {
    rfc3339(time).replace('T', " ").replace('Z', " UTC")
}
