//! How long to wait before the next try.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Doubles `first` with each failure after the first, up to `longest`.
pub(super) fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(factor).min(longest)
}

/// Between half of `pause` and all of it, so that those who failed together do not come back together.
pub(super) fn scattered(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(fraction())
}

/// From 0 to 1, evenly. Nothing secret depends on it, so the seeds of the standard library's hash maps suffice.
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
    fn pauses_are_scattered_over_their_second_half() {
        let pauses: Vec<_> = (0..1000).map(|_| scattered(Duration::from_secs(1)).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (500..=1000).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause < 600) && pauses.iter().any(|pause| *pause > 900));
    }
}
