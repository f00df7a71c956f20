//! Issuers that are fetched: where their keys and revocations are, keeping both up to date, and living through
//! the times when they cannot be had.
//!
//! Two tasks run for an issuer and end with its last clone. One fetches the key set, one at a time; the other
//! follows the list of revocations: it listens to the stream, and asks for the list while that is silent. Whoever
//! verifies a token never waits for either, but for keys that are on their way.

mod asking;
mod discovery;
mod error;
mod event_stream;
mod follower;
mod key_cache;
mod listening;
mod origin;
mod pause;
mod source;
mod voice;

use std::fmt;
use std::sync::Arc;

use countersign_token::{KeySet, Timestamp};
use tokio::task::AbortHandle;

pub use discovery::Discovery;
pub use error::{FollowError, IssuerError, Trouble};

use key_cache::KeyCache;

/// What keeps an issuer up to date. Ends its tasks when it is dropped.
pub(crate) struct Fetched {
    cache: Arc<KeyCache>,
    tasks: [AbortHandle; 2],
}

impl Fetched {
    pub(crate) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        self.cache.keys(now)
    }

    pub(crate) fn miss_key(&self, now: Timestamp) {
        self.cache.ask(now);
    }

    pub(crate) async fn await_keys(&self) {
        self.cache.await_fetch().await;
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cache.fmt(formatter)
    }
}
