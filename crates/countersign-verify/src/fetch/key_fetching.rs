//! Fetches an issuer's keys every few minutes, and when a token has an unknown `kid`.

use std::sync::Arc;
use std::time::Duration;

use super::backoff;
use super::error::{IssuerError, Trouble};
use super::source::Source;
use crate::key_cache::{COOL_DOWN, KeyCache, NoUsableKey};

/// The pause after the first failure while no keys are known. It is short, because the issuer may just be
/// starting.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Fetches keys when requested, and when they are due. Never returns; the task is aborted with the issuer.
pub(super) async fn keep_fresh(cache: Arc<KeyCache>, source: Arc<Source>) {
    loop {
        if tokio::time::timeout(pause(&cache), cache.await_request()).await.is_err() {
            cache.begin_fetch();
        }
        if let Err(error) = fetch(&cache, &source).await {
            source.report(Trouble::Keys(error));
        }
    }
}

/// Fetches the keys into the cache, whose fetch has begun.
pub(super) async fn fetch(cache: &KeyCache, source: &Source) -> Result<(), IssuerError> {
    let published = source.key_set().await.inspect_err(|_| cache.fail_fetch())?;
    cache.finish_fetch(published).map_err(|NoUsableKey| IssuerError::NoKeys)
}

fn pause(cache: &KeyCache) -> Duration {
    match (cache.has_keys(), cache.failures()) {
        (true, 0) => backoff::jittered(cache.refresh_every()),
        (true, _) => COOL_DOWN,
        (false, failures) => backoff::jittered(backoff::doubled(FIRST_PAUSE, failures, COOL_DOWN)),
    }
}
