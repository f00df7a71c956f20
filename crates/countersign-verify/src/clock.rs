//! The clock. No other module reads the system clock, so tests can set the time.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_token::Timestamp;

/// The source of a verifier's current time. The default is the system clock.
///
/// ```
/// use countersign_verify::{Clock, Timestamp};
///
/// let clock = Clock::from_fn(|| Timestamp::from_seconds(1_800_000_000));
/// assert_eq!(clock.now().seconds(), 1_800_000_000);
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system clock, in whole seconds. A time before 1970 counts as 1970.
    pub fn system() -> Self {
        Self::from_fn(system_time)
    }

    /// A clock that calls `now` each time it is read.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock(…)")
    }
}

fn system_time() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the only place that reads the system clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_seconds(since_epoch.map_or(0, |elapsed| elapsed.as_secs()))
}
