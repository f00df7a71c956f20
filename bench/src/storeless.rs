//! The server without a store: HTTP, the token's tag, the ratchet and the signature, but no durable state.
//!
//! The routes are the same, over a store that accepts every step at once. The difference between its rate and the real
//! server's is the cost of durability.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use countersign::config::Config;
use countersign::runtime::assembly::assemble;
use countersign::runtime::server::{self, Listeners, Process};
use countersign::runtime::signals;
use countersign_core::World;
use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::store::{Answer, Kept, Rotated, Store};
use countersign_store::MemoryStore;
use countersign_store::overlay::{Overlaid, Overlay};

use crate::console::say;
use crate::fleet::{Fleet, ISSUER, server_keys};

/// Accepts every step of one user's sessions and writes nothing. All other verbs go to a store in memory.
struct NullStore {
    below: MemoryStore,
    row: SessionWithUser,
}

/// Serves the sessions of a fleet of one user without a store, until the process ends.
pub(crate) async fn serve(address: SocketAddr, directory: &Path, world: &World) -> Result<()> {
    let store = store(&Fleet::open(directory)?);
    let mut config = Config { issuer: Some(ISSUER.to_owned()), listen: address, ..Config::default() };
    config.management_listen.set_port(0);
    let keys = server_keys(directory)?;
    let server = assemble(&config, ISSUER.to_owned(), store, keys, world).await?;
    let listeners = Listeners::bind(&config)?;
    let ready = || {
        say(&format!("Server is running on port {}", address.port()));
        Ok(())
    };
    let process =
        Process { config: &config, key_policy: server.key_policy, hang_up: signals::receive_hang_up()? };
    server::serve(server.edge, listeners, process, ready).await.map(drop)
}

/// The store of a fleet of one user.
pub(crate) fn store(fleet: &Fleet) -> Arc<dyn Store> {
    let (session, _) = fleet.session(0);
    let row = SessionWithUser { session, user: Some(fleet.user(0)) };
    Arc::new(Overlaid(Arc::new(NullStore { below: MemoryStore::default(), row })))
}

#[async_trait]
impl Overlay for NullStore {
    fn below(&self) -> &dyn Store {
        &self.below
    }

    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        let mut row = self.row.clone();
        row.session.id = step.session;
        step.apply(&mut row.session, by);
        Ok(Some(Rotated::new(Arc::new(row), std::future::ready(Ok(Kept::AsSeen)))))
    }
}
