//! How long to wait before the next attempt.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Exponential backoff: doubles `first` with each failure after the first, up to `longest`.
pub(super) fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(factor).min(longest)
}

/// A random time from half of `pause` to all of it, so that clients that failed together do not return
/// together.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(fraction())
}

/// A random number from 0 to 1. It need not be secret, so the seeds of the standard library's hash maps
/// suffice.
fn fraction() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = [1, 2, 3, 4, 5, 100, u32::MAX]
            .map(|failures| doubled(Duration::from_secs(1), failures, Duration::from_secs(10)).as_secs());
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn jitter_is_between_half_of_the_pause_and_all_of_it() {
        let pauses: Vec<_> = (0..1000).map(|_| jittered(Duration::from_secs(1)).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (500..=1000).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause < 600) && pauses.iter().any(|pause| *pause > 900));
    }
}
