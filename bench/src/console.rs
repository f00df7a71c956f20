//! What the program shows, and the time on the wall.

use std::io::Write as _;
use std::time::Instant;

/// Writes a line. A closed standard output is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The time on the wall.
#[expect(clippy::disallowed_methods, reason = "a comparison measures real work")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
