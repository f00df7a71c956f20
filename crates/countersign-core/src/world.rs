//! What the rules need from the outside: the time, and bytes nobody can guess.
//!
//! Both are passed in, so that a test owns time and a failure can be repeated.
//! The program's real ones stand in `main`; nothing else asks the system.

use std::sync::Arc;

use countersign_token::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current time, in milliseconds since the Unix epoch. It may be set forward and back.
    fn now_millis(&self) -> u64;
    /// Milliseconds since some moment before: for durations inside one process. It never goes back, and setting the
    /// clock does not change it.
    fn monotonic_millis(&self) -> u64;
}

/// A cryptographically secure random generator.
pub trait Entropy: Send + Sync {
    /// Overwrites `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// A clock and a random generator.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl World {
    /// The world of a program, or of a test.
    pub const fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// The current time, in whole seconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.clock.now_millis() / 1000)
    }

    /// The current time, in milliseconds since the Unix epoch. Ids use it.
    pub fn now_millis(&self) -> u64 {
        self.clock.now_millis()
    }

    /// Milliseconds on a clock that is never set. Throttles and measured durations use it.
    pub fn monotonic_millis(&self) -> u64 {
        self.clock.monotonic_millis()
    }

    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
