//! The result of a measurement: a rate, and how long requests took.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The result of one run. Times are whole microseconds, and only of expected responses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// The number of connections.
    pub connections: usize,
    /// The time of the measurement, in seconds.
    pub seconds: f64,
    /// The number of expected responses.
    pub requests: u64,
    /// The number of other responses, and of requests without a response.
    pub errors: u64,
    /// The responses among the errors, by status.
    #[serde(default)]
    pub errors_by_status: BTreeMap<u16, u64>,
    /// Expected responses per second.
    pub per_second: f64,
    /// The median latency.
    pub p50_micros: u64,
    /// The 90th percentile of the latencies.
    pub p90_micros: u64,
    /// The 99th percentile of the latencies.
    pub p99_micros: u64,
    /// The 99.9th percentile of the latencies.
    pub p999_micros: u64,
    /// The longest latency.
    pub max_micros: u64,
}

/// The observations of one connection.
pub(super) struct Notes {
    latencies: Histogram<u64>,
    errors: u64,
    errors_by_status: BTreeMap<u16, u64>,
}

/// The result of one request.
pub(super) enum Outcome {
    Expected,
    /// A response with this status, which may be 200.
    Unexpected(u16),
    NoResponse,
}

/// One minute, in microseconds. Longer times count as one minute.
const LONGEST: u64 = 60_000_000;

impl Default for Notes {
    fn default() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are valid");
        Self { latencies, errors: 0, errors_by_status: BTreeMap::new() }
    }
}

impl Notes {
    pub(super) fn note(&mut self, latency: Duration, outcome: &Outcome) {
        match outcome {
            Outcome::Expected => {
                self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST));
            }
            Outcome::Unexpected(status) => {
                self.errors += 1;
                *self.errors_by_status.entry(*status).or_default() += 1;
            }
            Outcome::NoResponse => self.errors += 1,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("all histograms have the same bounds");
        self.errors += other.errors;
        for (status, count) in &other.errors_by_status {
            *self.errors_by_status.entry(*status).or_default() += count;
        }
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
            errors_by_status: self.errors_by_status.clone(),
            per_second,
            p50_micros: at(0.5),
            p90_micros: at(0.9),
            p99_micros: at(0.99),
            p999_micros: at(0.999),
            max_micros: self.latencies.max(),
        }
    }
}
