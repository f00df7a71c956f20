//! The last fetched keys of an issuer, and the decision when to fetch them again.
//!
//! One task fetches, so there is at most one fetch at a time. It fetches every few minutes, and when a token
//! has an unknown `kid`: then at most once in 30 seconds, whether the last fetch succeeded or failed. Tokens
//! with random `kid`s therefore cannot cause many requests to the issuer. If a fetch fails, the known keys
//! stay in use.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::{JwkSet, KeySet, Timestamp};
use tokio::sync::watch;

use super::backoff;
use super::error::{IssuerError, Trouble};
use super::source::Source;
use crate::Clock;

/// Keys and fetch state of one issuer, shared by the fetching task and all verifiers.
pub(super) struct KeyCache {
    clock: Clock,
    refresh_every: Duration,
    known: RwLock<Option<Known>>,
    fetches: watch::Sender<Fetches>,
}

struct Known {
    keys: Arc<KeySet>,
    published: JwkSet,
    fetched_at: Timestamp,
}

/// Counters of the fetches. A fetch is under way while `begun` is greater than `ended`.
#[derive(Debug, Default)]
struct Fetches {
    begun: u64,
    ended: u64,
    began_at: Option<Timestamp>,
    /// Failures since the last success.
    failures: u32,
}

/// The shortest time between two fetches because of unknown `kid`s. Other common verifiers use the same
/// value.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);

/// The pause after the first failure while no keys are known. It is short, because the issuer may just be
/// starting.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long the verification of a token may wait for a fetch that is under way.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

impl KeyCache {
    pub(super) fn new(clock: Clock, refresh_every: Duration) -> Self {
        let refresh_every = refresh_every.max(COOL_DOWN);
        Self { clock, refresh_every, known: RwLock::default(), fetches: watch::Sender::default() }
    }

    /// The known keys, of any age. If they are older than `refresh_every`, a fetch is requested.
    pub(super) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        let (keys, is_old) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let known = known.as_ref()?;
            // The timer of the task stops while the machine is suspended, so the age is checked here, too.
            let is_old = now.since(known.fetched_at).is_some_and(|age| age >= self.refresh_every);
            (known.keys.clone(), is_old)
        };
        if is_old {
            self.request_fetch(now);
        }
        Some(keys)
    }

    /// Requests a fetch, unless one is under way or began less than [`COOL_DOWN`] ago.
    pub(super) fn request_fetch(&self, now: Timestamp) {
        self.fetches.send_if_modified(|fetches| {
            let may_begin = !fetches.is_under_way() && fetches.cool_down_is_over(now);
            if may_begin {
                fetches.begin(now);
            }
            may_begin
        });
    }

    /// Waits for the fetch that is under way, if any, for at most three seconds.
    pub(super) async fn await_fetch(&self) {
        let mut fetches = self.fetches.subscribe();
        let ended = fetches.wait_for(|fetches| !fetches.is_under_way());
        tokio::time::timeout(LONGEST_WAIT, ended).await.ok();
    }

    /// The current time, by the clock for this issuer's keys and pages.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a fetch without regard to [`COOL_DOWN`], unless one is under way.
    pub(super) fn begin_fetch(&self) {
        let now = self.now();
        self.fetches.send_if_modified(|fetches| {
            let may_begin = !fetches.is_under_way();
            if may_begin {
                fetches.begin(now);
            }
            may_begin
        });
    }

    /// Ends a fetch and stores its keys. Returns the error if the fetch failed or the set has no usable key.
    pub(super) fn end_fetch(&self, fetched: Result<JwkSet, IssuerError>) -> Result<(), IssuerError> {
        let outcome = fetched.and_then(|published| self.publish(published));
        self.fetches.send_modify(|fetches| {
            fetches.ended = fetches.begun;
            fetches.failures = if outcome.is_ok() { 0 } else { fetches.failures.saturating_add(1) };
        });
        outcome
    }

    fn publish(&self, published: JwkSet) -> Result<(), IssuerError> {
        let fetched_at = self.now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            // The same keys: keep the cached verification results, which belong to this `KeySet`.
            Some(known) if known.published == published => known.fetched_at = fetched_at,
            _ => {
                let keys = KeySet::from(published.clone());
                if keys.iter().next().is_none() {
                    return Err(IssuerError::NoKeys);
                }
                *known = Some(Known { keys: Arc::new(keys), published, fetched_at });
            }
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        let failures = self.fetches.borrow().failures;
        let is_known = self.known.read().unwrap_or_else(PoisonError::into_inner).is_some();
        match (is_known, failures) {
            (true, 0) => backoff::jittered(self.refresh_every),
            (true, _) => COOL_DOWN,
            (false, _) => backoff::jittered(backoff::doubled(FIRST_PAUSE, failures, COOL_DOWN)),
        }
    }
}

/// Fetches keys when requested, and when they are due. Never returns; the task is aborted with the issuer.
pub(super) async fn keep_fresh(cache: Arc<KeyCache>, source: Arc<Source>) {
    let mut fetches = cache.fetches.subscribe();
    loop {
        let requested = fetches.wait_for(Fetches::is_under_way);
        if tokio::time::timeout(cache.pause(), requested).await.is_err() {
            cache.begin_fetch();
        }
        if let Err(error) = cache.end_fetch(source.key_set().await) {
            source.report(Trouble::Keys(error));
        }
    }
}

impl Fetches {
    fn is_under_way(&self) -> bool {
        self.begun > self.ended
    }

    fn cool_down_is_over(&self, now: Timestamp) -> bool {
        // The absolute difference, because the clock may have been set back. Otherwise one jump could block
        // fetches for a long time.
        let seconds = |began_at: Timestamp| now.seconds().abs_diff(began_at.seconds());
        self.began_at.is_none_or(|began_at| seconds(began_at) >= COOL_DOWN.as_secs())
    }

    fn begin(&mut self, now: Timestamp) {
        self.begun += 1;
        self.began_at = Some(now);
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        formatter
            .debug_struct("KeyCache")
            .field("keys", &known.as_ref().map(|known| &known.keys))
            .field("fetches", &*self.fetches.borrow())
            .finish()
    }
}
