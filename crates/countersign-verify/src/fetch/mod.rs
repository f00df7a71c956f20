//! Issuers on the network: discovers their keys and revocation list, keeps both up to date, and tolerates
//! outages.
//!
//! Two tasks run for each issuer and end with its last clone. One fetches the key set. The other follows the
//! revocation list: it reads the stream, and polls the list while the stream is silent. Verification does not
//! wait for these tasks, except for a key fetch that is under way.

mod backoff;
mod discovery;
mod error;
mod event_stream;
mod follower;
mod http_client;
mod key_cache;
mod polling;
mod source;
mod stream;
mod stream_health;

use std::fmt;
use std::sync::Arc;

use countersign_token::{KeySet, Timestamp};
use tokio::task::AbortHandle;

pub use discovery::Discovery;
pub use error::{FollowError, IssuerError, Trouble};

use key_cache::KeyCache;

/// The fetched keys of an issuer, and the tasks that keep it up to date. Dropping it aborts the tasks.
pub(crate) struct FetchedKeys {
    cache: Arc<KeyCache>,
    tasks: [AbortHandle; 2],
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
