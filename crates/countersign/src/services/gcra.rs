//! One lane of a throttle: the generic cell rate algorithm, with tries that can be given back.
//!
//! A try is taken before anything dear is done and given back when it turns out
//! to be the owner's, so that only failures count; limiters from the shelf take
//! and never give. Each key costs one moment: the time at which all its tries
//! are back, on the monotonic clock. Setting the system's clock makes nobody wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keys beyond which a lane first forgets whoever has all tries back.
const CROWDED: usize = 100_000;

/// One more try after each `refill`, and at most `burst` at once.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// At once.
    pub burst: NonZeroU32,
    /// Time until one more.
    pub refill: Duration,
}

/// One throttle, keyed.
pub struct Lane<Key> {
    allowance: Allowance,
    keys: Mutex<Keys<Key>>,
}

struct Keys<Key> {
    /// When, in milliseconds of the monotonic clock, each key has all its tries back.
    full_at: HashMap<Key, u64>,
    /// How many keys it takes to look through all of them again: twice as many as stayed the last time, so
    /// that strangers with many names cannot make each try dear.
    crowded_at: usize,
}

impl<Key: Hash + Eq> Lane<Key> {
    /// A lane in which everybody has all tries.
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, keys: Mutex::new(Keys { full_at: HashMap::new(), crowded_at: CROWDED }) }
    }

    /// Takes one try.
    ///
    /// # Errors
    ///
    /// The time until the next one may be taken.
    pub fn take(&self, key: Key, now_millis: u64) -> Result<(), Duration> {
        let refill = self.refill_millis();
        let mut keys = self.lock();
        if keys.full_at.len() >= keys.crowded_at {
            keys.forget(now_millis);
        }
        let full_at = keys.full_at.entry(key).or_insert(now_millis);
        let span = refill.saturating_mul(u64::from(self.allowance.burst.get()));
        let latest = now_millis.saturating_add(span);
        *full_at = (*full_at).max(now_millis);
        let after = full_at.saturating_add(refill);
        if after > latest {
            return Err(Duration::from_millis(after - latest));
        }
        *full_at = after;
        Ok(())
    }

    /// Gives one try back.
    pub fn give_back(&self, key: &Key) {
        let refill = self.refill_millis();
        if let Some(full_at) = self.lock().full_at.get_mut(key) {
            *full_at = full_at.saturating_sub(refill);
        }
    }

    /// Forgets whoever has all tries back.
    pub fn sweep(&self, now_millis: u64) {
        self.lock().forget(now_millis);
    }

    fn refill_millis(&self) -> u64 {
        u64::try_from(self.allowance.refill.as_millis()).unwrap_or(u64::MAX >> 32).max(1)
    }

    fn lock(&self) -> MutexGuard<'_, Keys<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Key: Hash + Eq> Keys<Key> {
    fn forget(&mut self, now_millis: u64) {
        self.full_at.retain(|_, full_at| *full_at > now_millis);
        self.crowded_at = CROWDED.max(self.full_at.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Lane<&'static str> {
        Lane::new(Allowance { burst: NonZeroU32::new(3).unwrap(), refill: Duration::from_secs(10) })
    }

    #[test]
    fn a_burst_is_taken_at_once_and_comes_back_one_by_one() {
        let lane = lane();
        for _ in 0..3 {
            assert_eq!(lane.take("a", 0), Ok(()));
        }
        assert_eq!(lane.take("a", 0), Err(Duration::from_secs(10)));
        assert_eq!(lane.take("b", 0), Ok(()), "another key has its own");
        assert_eq!(lane.take("a", 9_999), Err(Duration::from_millis(1)));
        assert_eq!(lane.take("a", 10_000), Ok(()));
        assert_eq!(lane.take("a", 10_000), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_try_that_is_given_back_was_never_taken() {
        let lane = lane();
        for _ in 0..100 {
            assert_eq!(lane.take("a", 0), Ok(()));
            lane.give_back(&"a");
        }
    }

    #[test]
    fn a_sweep_forgets_whoever_has_all_tries_back() {
        let lane = lane();
        lane.take("a", 0).unwrap();
        lane.sweep(10_000);
        assert!(lane.lock().full_at.is_empty());
    }
}
