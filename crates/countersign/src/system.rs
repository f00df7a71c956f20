//! The system's clock and random generator. No other module reads them.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use countersign_core::{Clock, Entropy, World};

/// The world of the program: the system's clock and random generator. Tests use other ones.
pub fn world() -> World {
    World::new(Arc::new(SystemClock { started: instant() }), Arc::new(SystemEntropy))
}

struct SystemClock {
    started: Instant,
}

impl Clock for SystemClock {
    fn now_millis(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the only module that reads the system's clock"
        )]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic_millis(&self) -> u64 {
        u64::try_from(instant().duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the only module that reads the system's clock")]
fn instant() -> Instant {
    Instant::now()
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the only module that uses the system's random generator"
        )]
        aws_lc_rs::rand::fill(bytes).expect("the operating system has a random generator");
    }
}
