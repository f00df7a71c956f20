//! Standard output and the monotonic clock.

use std::io::Write as _;
use std::time::Instant;

/// Writes a line. Ignores errors, so that a closed standard output does not stop the measurement.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The real time.
#[expect(clippy::disallowed_methods, reason = "a comparison measures real work")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
