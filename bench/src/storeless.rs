//! The server without a store: HTTP, the token's tag, the ratchet and the signature, without durability.
//!
//! It has the same routes, and a store that accepts every step at once. The difference in throughput to the
//! real server is the cost of durability.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use countersign::config::Config;
use countersign::runtime::assembly::assemble;
use countersign::runtime::server::{self, Listeners, Process};
use countersign::runtime::signals;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::{PasswordHash, Work};
use countersign_core::refresh::Step;
use countersign_core::revocation::{Revocation, TokenLife};
use countersign_core::session::{Presence, Revoked, Session, SessionWithUser, Whose};
use countersign_core::store::{
    Added, Answer, Changed, ClientChanged, ClientRemoved, ImportMode, Kept, KeyRing, Opened, Page, Position,
    Rotated, SingleUse, Standing, Store, StoreError, Swept, UserChange,
};
use countersign_core::user::{User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId, World};
use countersign_store::MemoryStore;

use crate::console::say;
use crate::fleet::{Fleet, ISSUER, server_keys};

/// Accepts every step of one user's sessions. It stores only signing keys.
struct NullStore {
    keys: MemoryStore,
    row: SessionWithUser,
}

/// Serves the sessions of a fleet of one user without a store, until the process is stopped.
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

/// The replacement for the store of a fleet of one user.
pub(crate) fn store(fleet: &Fleet) -> Arc<dyn Store> {
    let (session, _) = fleet.session(0);
    let row = SessionWithUser { session, user: Some(fleet.user(0)) };
    Arc::new(NullStore { keys: MemoryStore::default(), row })
}

fn absent<T>() -> Answer<T> {
    Err(StoreError::new("this server has no store"))
}

#[async_trait]
impl Store for NullStore {
    async fn add_user(&self, _: &[Standing], _: &User) -> Answer<Added> {
        absent()
    }

    async fn import_users(&self, _: &[User], _: ImportMode) -> Answer<Vec<Added>> {
        absent()
    }

    async fn user(&self, _: &UserId) -> Answer<Option<User>> {
        absent()
    }

    async fn user_by_name(&self, _: &Username) -> Answer<Option<User>> {
        absent()
    }

    async fn users(&self, _: &Page<UserId>) -> Answer<Vec<User>> {
        absent()
    }

    async fn change_user(&self, _: &UserId, _: &[Standing], _: &[UserChange]) -> Answer<Changed> {
        absent()
    }

    async fn rehash(&self, _: &UserId, _: &PasswordHash, _: &PasswordHash) -> Answer<bool> {
        absent()
    }

    async fn imported_work(&self) -> Answer<Work> {
        Ok(Work::default())
    }

    async fn open(&self, _: &Session, _: &[Standing], _: Option<&SingleUse>) -> Answer<Opened> {
        absent()
    }

    async fn session(&self, _: SessionId) -> Answer<Option<SessionWithUser>> {
        absent()
    }

    async fn sessions(&self, _: &Whose, _: &Page<SessionId>) -> Answer<Vec<SessionWithUser>> {
        absent()
    }

    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        let mut row = self.row.clone();
        row.session.id = step.session;
        step.apply(&mut row.session, by);
        Ok(Some(Rotated::new(Arc::new(row), std::future::ready(Ok(Kept::AsSeen)))))
    }

    async fn revoke(&self, _: SessionId, _: &Whose, _: &Revoked) -> Answer<bool> {
        absent()
    }

    async fn revoke_all(&self, _: &Whose, _: Option<SessionId>, _: &Revoked) -> Answer<u64> {
        absent()
    }

    async fn sweep(&self, _: Timestamp, _: &Page<SessionId>) -> Answer<Swept> {
        Ok(Swept { removed: 0, next: None })
    }

    async fn revocations(&self, _: u64, _: u32) -> Answer<Vec<Revocation>> {
        Ok(Vec::new())
    }

    async fn forget_revocations(&self, _: u64) -> Answer<()> {
        Ok(())
    }

    async fn begin_token_life(&self, longest: Duration, _: Timestamp) -> Answer<TokenLife> {
        Ok(TokenLife { longest, earlier: None })
    }

    async fn add_client(&self, _: &[Standing], _: &Client) -> Answer<Added> {
        absent()
    }

    async fn client(&self, _: &ClientId) -> Answer<Option<Client>> {
        absent()
    }

    async fn clients(&self, _: &Page<ClientId>) -> Answer<Vec<Client>> {
        absent()
    }

    async fn change_client(&self, _: &ClientId, _: &[Standing], _: &[ClientChange]) -> Answer<ClientChanged> {
        absent()
    }

    async fn replace_client_authentication(
        &self,
        _: &ClientId,
        _: &[Standing],
        _: &ClientAuthentication,
        _: &ClientAuthentication,
    ) -> Answer<bool> {
        absent()
    }

    async fn remove_client(&self, _: &ClientId, _: &[Standing], _: &Revoked) -> Answer<ClientRemoved> {
        absent()
    }

    async fn signing_keys(&self) -> Answer<KeyRing> {
        self.keys.signing_keys().await
    }

    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool> {
        self.keys.replace_signing_keys(ring).await
    }

    async fn position(&self) -> Answer<Option<Position>> {
        Ok(None)
    }

    async fn ping(&self) -> Answer<()> {
        Ok(())
    }

    async fn backup(&self, _: &Path) -> Answer<()> {
        absent()
    }

    async fn diagnose(&self) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }
}
