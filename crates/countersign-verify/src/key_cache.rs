//! The last fetched keys of an issuer, and the decision when to fetch them again.
//!
//! There is at most one fetch at a time. A token with an unknown `kid` requests a fetch at most once in 30
//! seconds, whether the last fetch succeeded or failed. Tokens with random `kid`s therefore cannot cause many
//! requests to the issuer. If a fetch fails, the known keys stay in use. The module `fetch` sends the
//! requests.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::{JwkSet, KeySet, Timestamp};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::Clock;

/// The fetched keys of an issuer, and the tasks that keep it up to date. Dropping it aborts the tasks.
pub(crate) struct FetchedKeys {
    pub(crate) cache: Arc<KeyCache>,
    pub(crate) tasks: [AbortHandle; 2],
}

/// Keys and fetch state of one issuer, shared by the fetching task and all verifiers.
pub(crate) struct KeyCache {
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

/// A published key set has no supported key with a `kid`.
#[derive(Debug)]
pub(crate) struct NoUsableKey;

/// The shortest time between two fetches because of unknown `kid`s. Other common verifiers use the same
/// value.
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(30);

/// How long the verification of a token may wait for a fetch that is under way.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

impl KeyCache {
    pub(crate) fn new(clock: Clock, refresh_every: Duration) -> Self {
        let refresh_every = refresh_every.max(COOL_DOWN);
        Self { clock, refresh_every, known: RwLock::default(), fetches: watch::Sender::default() }
    }

    /// The known keys, of any age. If they are older than `refresh_every`, a fetch is requested.
    pub(crate) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
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
    pub(crate) fn request_fetch(&self, now: Timestamp) {
        self.fetches.send_if_modified(|fetches| {
            let may_begin = !fetches.is_under_way() && fetches.cool_down_is_over(now);
            if may_begin {
                fetches.begin(now);
            }
            may_begin
        });
    }

    /// Waits for the fetch that is under way, if any, for at most three seconds.
    pub(crate) async fn await_fetch(&self) {
        let mut fetches = self.fetches.subscribe();
        let ended = fetches.wait_for(|fetches| !fetches.is_under_way());
        tokio::time::timeout(LONGEST_WAIT, ended).await.ok();
    }

    /// The current time, by the clock for this issuer's keys and pages.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a fetch without regard to [`COOL_DOWN`], unless one is under way.
    pub(crate) fn begin_fetch(&self) {
        let now = self.now();
        self.fetches.send_if_modified(|fetches| {
            let may_begin = !fetches.is_under_way();
            if may_begin {
                fetches.begin(now);
            }
            may_begin
        });
    }

    /// Waits until a fetch is under way.
    pub(crate) async fn await_request(&self) {
        // An error would mean that the sender is gone, which `self` owns.
        self.fetches.subscribe().wait_for(Fetches::is_under_way).await.ok();
    }

    /// Ends a fetch that failed.
    pub(crate) fn fail_fetch(&self) {
        self.fetches.send_modify(|fetches| {
            fetches.ended = fetches.begun;
            fetches.failures = fetches.failures.saturating_add(1);
        });
    }

    /// Ends a fetch and stores its keys. A set without a usable key is a failure and changes no keys.
    pub(crate) fn finish_fetch(&self, published: JwkSet) -> Result<(), NoUsableKey> {
        self.store(published).inspect_err(|_| self.fail_fetch())?;
        self.fetches.send_modify(|fetches| {
            fetches.ended = fetches.begun;
            fetches.failures = 0;
        });
        Ok(())
    }

    fn store(&self, published: JwkSet) -> Result<(), NoUsableKey> {
        let fetched_at = self.now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            // The same keys: keep the cached verification results, which belong to this `KeySet`.
            Some(known) if known.published == published => known.fetched_at = fetched_at,
            _ => {
                let keys = KeySet::from(published.clone());
                if keys.iter().next().is_none() {
                    return Err(NoUsableKey);
                }
                *known = Some(Known { keys: Arc::new(keys), published, fetched_at });
            }
        }
        Ok(())
    }

    /// Whether a fetch has succeeded since the start.
    pub(crate) fn has_keys(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The number of failed fetches since the last success.
    pub(crate) fn failures(&self) -> u32 {
        self.fetches.borrow().failures
    }

    /// The maximum age of the keys before they are fetched again.
    pub(crate) fn refresh_every(&self) -> Duration {
        self.refresh_every
    }
}

impl FetchedKeys {
    pub(crate) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        self.cache.keys(now)
    }

    pub(crate) fn report_unknown_key(&self, now: Timestamp) {
        self.cache.request_fetch(now);
    }

    pub(crate) async fn await_keys(&self) {
        self.cache.await_fetch().await;
    }
}

impl Drop for FetchedKeys {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for FetchedKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cache.fmt(formatter)
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
