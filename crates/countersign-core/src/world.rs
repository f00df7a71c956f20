//! The two things that the rules need from the operating system: time and random bytes.
//!
//! Callers pass both in, so that tests control them and can repeat a failure. Only
//! the program itself asks the operating system.

use std::sync::Arc;

use countersign_token::Timestamp;

pub trait Clock: Send + Sync {
    /// The current time, in milliseconds since the Unix epoch. The clock may be set forward and back.
    fn now_millis(&self) -> u64;
    /// Milliseconds since an arbitrary moment, for durations within one process. It never decreases, and
    /// setting the clock does not change it.
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

    /// As [`Clock::monotonic_millis`]. Throttles and measured durations use it.
    pub fn monotonic_millis(&self) -> u64 {
        self.clock.monotonic_millis()
    }

    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
