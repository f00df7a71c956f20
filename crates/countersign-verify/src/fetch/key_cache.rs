//! The keys of one issuer as they were published last, and when they are fetched again.
//!
//! One task fetches, so there is one fetch at a time. It does so every few minutes, and when a token names a key
//! that is not known: at most once in half a minute, whether that brought keys, none or an error. Random names
//! therefore cost the issuer nothing. Keys that are known stay in use when a fetch fails.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::{JwkSet, KeySet, Timestamp};
use tokio::sync::watch;

use super::error::{IssuerError, Trouble};
use super::pause;
use super::source::Source;
use crate::Clock;

/// See the module's story.
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

/// How many fetches there were.
#[derive(Debug, Default)]
struct Fetches {
    begun: u64,
    ended: u64,
    began_at: Option<Timestamp>,
    /// In a row.
    failures: u32,
}

/// Common verifiers wait as long before they ask again for a key that is not there.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);

/// After the first failure with no keys at all; an issuer that starts together with the API is there soon.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long a token may wait for keys that are on their way.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

impl KeyCache {
    pub(super) fn new(clock: Clock, refresh_every: Duration) -> Self {
        let refresh_every = refresh_every.max(COOL_DOWN);
        Self { clock, refresh_every, known: RwLock::default(), fetches: watch::Sender::default() }
    }

    /// What is known, however old; if it is old, it is fetched again.
    pub(super) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        let (keys, is_old) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let known = known.as_ref()?;
            // The task's timer stands still while the machine sleeps.
            let is_old = now.since(known.fetched_at).is_some_and(|age| age >= self.refresh_every);
            (known.keys.clone(), is_old)
        };
        if is_old {
            self.ask(now);
        }
        Some(keys)
    }

    /// Has the keys fetched, unless they are being fetched or were just now.
    pub(super) fn ask(&self, now: Timestamp) {
        self.fetches.send_if_modified(|fetches| {
            let may_begin = !fetches.is_under_way() && fetches.are_rested(now);
            if may_begin {
                fetches.begin(now);
            }
            may_begin
        });
    }

    /// Waits for the fetch that is under way, if there is one.
    pub(super) async fn await_fetch(&self) {
        let mut fetches = self.fetches.subscribe();
        let ended = fetches.wait_for(|fetches| !fetches.is_under_way());
        tokio::time::timeout(LONGEST_WAIT, ended).await.ok();
    }

    /// The time by which this issuer's keys and pieces are judged.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a fetch that nobody asked for.
    pub(super) fn begin(&self) {
        let now = self.now();
        self.fetches.send_if_modified(|fetches| {
            let may_begin = !fetches.is_under_way();
            if may_begin {
                fetches.begin(now);
            }
            may_begin
        });
    }

    /// Ends a fetch.
    pub(super) fn end(&self, fetched: Result<JwkSet, IssuerError>) -> Result<(), IssuerError> {
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
            // What was verified with them stays verified.
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
            (true, 0) => pause::scattered(self.refresh_every),
            (true, _) => COOL_DOWN,
            (false, _) => pause::scattered(pause::doubled(FIRST_PAUSE, failures, COOL_DOWN)),
        }
    }
}

/// Fetches keys for as long as it is let.
pub(super) async fn keep(cache: Arc<KeyCache>, source: Arc<Source>) {
    let mut fetches = cache.fetches.subscribe();
    loop {
        let asked = fetches.wait_for(Fetches::is_under_way);
        if tokio::time::timeout(cache.pause(), asked).await.is_err() {
            cache.begin();
        }
        if let Err(error) = cache.end(source.key_set().await) {
            source.report(Trouble::Keys(error));
        }
    }
}

impl Fetches {
    fn is_under_way(&self) -> bool {
        self.begun > self.ended
    }

    fn are_rested(&self, now: Timestamp) -> bool {
        // A clock that was set back must not let every token through, nor none for a year.
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
