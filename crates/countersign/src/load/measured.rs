//! What was measured: a rate, and how long requests took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The result of one run. Times are whole microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// How many connections there were.
    pub connections: usize,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// How many requests were answered as hoped.
    pub requests: u64,
    /// How many were not.
    pub errors: u64,
    /// Good answers in a second.
    pub per_second: f64,
    /// Half of the requests took no longer.
    pub p50_micros: u64,
    /// Nine of ten.
    pub p90_micros: u64,
    /// 99 of 100.
    pub p99_micros: u64,
    /// 999 of 1000.
    pub p999_micros: u64,
    /// The slowest.
    pub max_micros: u64,
}

/// What one connection saw.
pub(super) struct Notes {
    latencies: Histogram<u64>,
    errors: u64,
}

/// One minute, in microseconds: the longest time that is told apart.
const LONGEST: u64 = 60_000_000;

impl Default for Notes {
    fn default() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3).expect("these bounds make a histogram");
        Self { latencies, errors: 0 }
    }
}

impl Notes {
    pub(super) fn note(&mut self, latency: Duration, was_good: bool) {
        if was_good {
            self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST));
        } else {
            self.errors += 1;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("every connection has the same bounds");
        self.errors += other.errors;
    }

    pub(super) fn sum_up(&self, connections: usize, time: Duration) -> Measured {
        let at = |quantile| self.latencies.value_at_quantile(quantile);
        let requests = self.latencies.len();
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let per_second = requests as f64 / time.as_secs_f64();
        Measured {
            connections,
            seconds: time.as_secs_f64(),
            requests,
            errors: self.errors,
            per_second,
            p50_micros: at(0.5),
            p90_micros: at(0.9),
            p99_micros: at(0.99),
            p999_micros: at(0.999),
            max_micros: self.latencies.max(),
        }
    }
}
