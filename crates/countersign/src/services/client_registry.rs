//! Registered clients that were used recently, with the terms of their sessions.
//!
//! A client's authentication is read from the store at each use, because a removal or a new
//! secret must take effect at once. The terms of its sessions are remembered for five
//! seconds, so that a refresh needs no further read.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::client::Client;
use countersign_core::store::{Store, StoreError};
use countersign_core::{ClientId, World};
use quick_cache::sync::Cache;

use super::terms::Terms;

/// How long a change by another process may go unnoticed. Changes by this process are noticed at once.
const FRESH: Duration = Duration::from_secs(5);

/// How many clients are remembered.
const REMEMBERED: usize = 10_000;

/// A registered client and the terms of its sessions.
#[derive(Debug, Clone)]
pub struct Registered {
    pub client: Arc<Client>,
    pub terms: Arc<Terms>,
}

/// The registered clients.
pub struct ClientRegistry {
    /// The terms of the server, which a client's settings change.
    server: Arc<Terms>,
    remembered: Cache<ClientId, Remembered>,
    world: World,
}

#[derive(Clone)]
struct Remembered {
    registered: Registered,
    read_at_millis: u64,
}

impl ClientRegistry {
    pub fn new(server: Arc<Terms>, world: World) -> Self {
        Self { server, remembered: Cache::new(REMEMBERED), world }
    }

    /// The client with this id, as it is now.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn find(&self, store: &dyn Store, id: &ClientId) -> Result<Option<Registered>, StoreError> {
        // The age counts from before the read: a change during the read is noticed in time.
        let read_at_millis = self.world.monotonic_millis();
        let Some(client) = store.client(id).await? else {
            self.remembered.remove(id);
            return Ok(None);
        };
        let terms = Arc::new(self.server.of_client(&client.settings));
        let registered = Registered { client: Arc::new(client), terms };
        self.remembered.insert(id.clone(), Remembered { registered: registered.clone(), read_at_millis });
        Ok(Some(registered))
    }

    /// The terms of the client's sessions, as they were at most five seconds ago. A client that is not registered has the
    /// server's.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn terms(&self, store: &dyn Store, id: &ClientId) -> Result<Arc<Terms>, StoreError> {
        let registered = match self.remembered(id) {
            Some(registered) => Some(registered),
            None => self.find(store, id).await?,
        };
        Ok(registered.map_or_else(|| self.server.clone(), |registered| registered.terms))
    }

    /// Forgets a client that this process changed.
    pub fn forget(&self, id: &ClientId) {
        self.remembered.remove(id);
    }

    fn remembered(&self, id: &ClientId) -> Option<Registered> {
        let remembered = self.remembered.get(id)?;
        let age = self.world.monotonic_millis().saturating_sub(remembered.read_at_millis);
        (Duration::from_millis(age) < FRESH).then_some(remembered.registered)
    }
}
