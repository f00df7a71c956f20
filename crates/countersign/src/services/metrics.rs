//! Metrics for Prometheus. Labels are bounded: they never contain a user, a client or an address.

use std::sync::atomic::AtomicU64;

use countersign_core::refresh::{Breach, Refusal};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The upper limits of the histogram buckets, in seconds: from a request that only uses memory to a very slow one.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];

/// The outcome of a presented refresh token. The rows are those of the table in DESIGN.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefreshOutcome {
    /// Row 0.
    NotOurs,
    /// Row 1.
    NoSuchSession,
    /// Row 2.
    Ended,
    /// Row 3.
    AnotherClient,
    /// Row 4.
    RowTampered,
    /// Row 5.
    TagWithoutSecret,
    /// Row 7.
    Rotated,
    /// Row 8.
    SkippedGeneration,
    /// Row 9.
    Replayed,
    /// Row 9, if the token was replayed too often.
    ReplayThrottled,
    /// Row 10.
    Recovered,
    /// Row 11.
    Reuse,
    /// Row 12.
    RollbackDetected,
    /// Row 13.
    AheadOfStore,
    /// The session was refreshed too often.
    SessionThrottled,
    /// The store failed.
    Unavailable,
}

impl RefreshOutcome {
    /// All outcomes, in the order of the rows.
    pub const ALL: [Self; 16] = [
        Self::NotOurs,
        Self::NoSuchSession,
        Self::Ended,
        Self::AnotherClient,
        Self::RowTampered,
        Self::TagWithoutSecret,
        Self::Rotated,
        Self::SkippedGeneration,
        Self::Replayed,
        Self::ReplayThrottled,
        Self::Recovered,
        Self::Reuse,
        Self::RollbackDetected,
        Self::AheadOfStore,
        Self::SessionThrottled,
        Self::Unavailable,
    ];

    /// The value of the label `outcome`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOurs => "not_ours",
            Self::NoSuchSession => "no_such_session",
            Self::Ended => "ended",
            Self::AnotherClient => "another_client",
            Self::RowTampered => "row_tampered",
            Self::TagWithoutSecret => "tag_without_secret",
            Self::Rotated => "rotated",
            Self::SkippedGeneration => "skipped_generation",
            Self::Replayed => "replayed",
            Self::ReplayThrottled => "replay_throttled",
            Self::Recovered => "recovered",
            Self::Reuse => "reuse",
            Self::RollbackDetected => "rollback_detected",
            Self::AheadOfStore => "ahead_of_store",
            Self::SessionThrottled => "session_throttled",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<Refusal> for RefreshOutcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchSession => Self::NoSuchSession,
            Refusal::Ended => Self::Ended,
            Refusal::AnotherClient => Self::AnotherClient,
            Refusal::SecretDoesNotFit => Self::TagWithoutSecret,
        }
    }
}

impl From<Breach> for RefreshOutcome {
    fn from(breach: Breach) -> Self {
        match breach {
            Breach::RowTampered => Self::RowTampered,
            Breach::SkippedGeneration => Self::SkippedGeneration,
            Breach::Reuse => Self::Reuse,
            Breach::AheadOfStore => Self::AheadOfStore,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    refreshes: Family<ByOutcome, Counter>,
    sign_ins: Family<ByOutcome, Counter>,
    opened: Counter,
    revoked: Counter,
    swept: Counter,
    requests: Family<Request, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// Creates metrics that start at zero, and registers the counter of password hashes.
    pub fn new(hashes: Counter) -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let refreshes = Family::<ByOutcome, Counter>::default();
        for outcome in RefreshOutcome::ALL {
            // This exports the value 0 for an outcome that has not occurred.
            drop(refreshes.get_or_create(&ByOutcome { outcome: outcome.as_str() }));
        }
        let sign_ins = Family::default();
        let (opened, revoked, swept) = (Counter::default(), Counter::default(), Counter::default());
        let requests: Family<Request, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let build = Family::<Build, Gauge<u64, AtomicU64>>::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("refresh", "Presented refresh tokens by outcome", refreshes.clone());
        registry.register("login", "Sign-in attempts on any route, by outcome", sign_ins.clone());
        registry.register("sessions_opened", "Opened sessions", opened.clone());
        registry.register("sessions_revoked", "Revoked sessions", revoked.clone());
        registry.register("sessions_swept", "Ended sessions that were deleted", swept.clone());
        registry.register("http_server_request_duration_seconds", "Duration of requests", requests.clone());
        registry.register("password_hashes", "Passwords hashed or verified", hashes);
        registry.register("build_info", "The version of this server", build);
        Self { registry, refreshes, sign_ins, opened, revoked, swept, requests }
    }

    pub fn count_refresh(&self, outcome: RefreshOutcome) {
        self.refreshes.get_or_create(&ByOutcome { outcome: outcome.as_str() }).inc();
    }

    pub fn count_sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&ByOutcome { outcome }).inc();
    }

    pub fn count_opened(&self) {
        self.opened.inc();
    }

    pub fn count_revoked(&self, sessions: u64) {
        self.revoked.inc_by(sessions);
    }

    pub fn count_swept(&self, sessions: u64) {
        self.swept.inc_by(sessions);
    }

    /// Adds the duration of a request. `route` is a template of the route table, never the path of the request.
    pub fn note_request(&self, method: &'static str, route: &str, status: u16, seconds: f64) {
        let labels = Request {
            http_request_method: method,
            http_route: route.to_owned(),
            http_response_status_code: status,
        };
        self.requests.get_or_create(&labels).observe(seconds);
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .expect("writing to a string does not fail");
        text
    }
}
