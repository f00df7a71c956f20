//! A deterministic clock and random generator, for tests.
//!
//! Never use them in a server: anyone who knows the seed can compute every secret.
//! They are in the library because the tests of three crates use them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_token::Timestamp;

use crate::world::{Clock, Entropy, World};

/// A clock that moves only when a test moves it.
pub struct ManualClock {
    millis: AtomicU64,
    monotonic: AtomicU64,
}

/// A random generator (`SplitMix64`) that yields the same bytes for the same seed.
pub struct SeededEntropy(AtomicU64);

impl ManualClock {
    pub fn at(time: Timestamp) -> Arc<Self> {
        Arc::new(Self { millis: AtomicU64::new(time.seconds() * 1000), monotonic: AtomicU64::new(0) })
    }

    pub fn advance(&self, duration: Duration) {
        self.monotonic.fetch_add(millis(duration), Ordering::SeqCst);
        self.set_forward(duration);
    }

    /// Sets the clock forward. The monotonic time does not change.
    pub fn set_forward(&self, duration: Duration) {
        self.millis.fetch_add(millis(duration), Ordering::SeqCst);
    }

    /// Sets the clock back. The monotonic time does not change.
    pub fn set_back(&self, duration: Duration) {
        self.millis.fetch_sub(millis(duration), Ordering::SeqCst);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a test moves the clock by less than 500 million years")
}

impl Clock for ManualClock {
    fn now_millis(&self) -> u64 {
        self.millis.load(Ordering::SeqCst)
    }

    fn monotonic_millis(&self) -> u64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}

impl SeededEntropy {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut value = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(value ^ (value >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A world at `time` with random bytes from `seed`.
pub fn world(time: Timestamp, seed: u64) -> World {
    World::new(ManualClock::at(time), SeededEntropy::new(seed))
}
