//! A rate limiter with the generic cell rate algorithm (GCRA), from which attempts can be given back.
//!
//! The caller takes an attempt before the expensive work and gives it back if the attempt turns out to be
//! legitimate, so that only failures count. Published rate limiters cannot give an attempt back. Each key costs
//! one number: the time on the monotonic clock at which all its attempts are available again. Changes of the
//! system clock have no effect.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The number of keys above which [`Limiter::take`] first removes the keys that have all their attempts.
const SWEEP_THRESHOLD: usize = 100_000;

/// At most `burst` attempts at once, and one more after each `refill`.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    pub burst: NonZeroU32,
    pub refill: Duration,
}

/// A rate limiter that counts separately for each key.
pub struct Limiter<Key> {
    allowance: Allowance,
    keys: Mutex<Keys<Key>>,
}

struct Keys<Key> {
    /// For each key, when it has all its attempts again, in milliseconds of the monotonic clock.
    full_at: HashMap<Key, u64>,
    /// The number of keys that triggers the next sweep: at least twice the number that remained after the last
    /// sweep. Otherwise a client with many names could make each attempt expensive.
    sweep_at: usize,
}

impl<Key: Hash + Eq> Limiter<Key> {
    /// Creates a limiter in which every key has all its attempts.
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, keys: Mutex::new(Keys { full_at: HashMap::new(), sweep_at: SWEEP_THRESHOLD }) }
    }

    /// Takes one attempt.
    ///
    /// # Errors
    ///
    /// If no attempt is left: the time until the next one is available.
    pub fn take(&self, key: Key, now_millis: u64) -> Result<(), Duration> {
        let refill = self.refill_millis();
        let mut keys = self.lock();
        if keys.full_at.len() >= keys.sweep_at {
            keys.sweep(now_millis);
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

    /// Gives one attempt back, as if it had not been taken.
    pub fn give_back(&self, key: &Key) {
        let refill = self.refill_millis();
        if let Some(full_at) = self.lock().full_at.get_mut(key) {
            *full_at = full_at.saturating_sub(refill);
        }
    }

    /// Removes the keys that have all their attempts.
    pub fn sweep(&self, now_millis: u64) {
        self.lock().sweep(now_millis);
    }

    fn refill_millis(&self) -> u64 {
        u64::try_from(self.allowance.refill.as_millis()).unwrap_or(u64::MAX >> 32).max(1)
    }

    fn lock(&self) -> MutexGuard<'_, Keys<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Key: Hash + Eq> Keys<Key> {
    fn sweep(&mut self, now_millis: u64) {
        self.full_at.retain(|_, full_at| *full_at > now_millis);
        self.sweep_at = SWEEP_THRESHOLD.max(self.full_at.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter<&'static str> {
        Limiter::new(Allowance { burst: NonZeroU32::new(3).unwrap(), refill: Duration::from_secs(10) })
    }

    #[test]
    fn a_burst_is_available_at_once_and_refills_one_by_one() {
        let limiter = limiter();
        for _ in 0..3 {
            assert_eq!(limiter.take("a", 0), Ok(()));
        }
        assert_eq!(limiter.take("a", 0), Err(Duration::from_secs(10)));
        assert_eq!(limiter.take("b", 0), Ok(()), "each key has its own attempts");
        assert_eq!(limiter.take("a", 9_999), Err(Duration::from_millis(1)));
        assert_eq!(limiter.take("a", 10_000), Ok(()));
        assert_eq!(limiter.take("a", 10_000), Err(Duration::from_secs(10)));
    }

    #[test]
    fn an_attempt_that_is_given_back_does_not_count() {
        let limiter = limiter();
        for _ in 0..100 {
            assert_eq!(limiter.take("a", 0), Ok(()));
            limiter.give_back(&"a");
        }
    }

    #[test]
    fn a_sweep_removes_keys_that_have_all_their_attempts() {
        let limiter = limiter();
        limiter.take("a", 0).unwrap();
        limiter.sweep(10_000);
        assert!(limiter.lock().full_at.is_empty());
    }
}
