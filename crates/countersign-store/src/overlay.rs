//! A store over another store, for tests and benchmarks that change what few verbs do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::password::{PasswordHash, Work};
use countersign_core::refresh::Step;
use countersign_core::revocation::{Revocation, TokenLife};
use countersign_core::session::{Presence, Revoked, Session, SessionWithUser, Whose};
use countersign_core::store::{
    Added, Answer, Changed, ClientChanged, ClientRemoved, ImportMode, KeyRing, Opened, Page, Position,
    Rotated, SingleUse, Standing, Store, Swept, UserChange,
};
use countersign_core::user::{User, Username};
use countersign_core::{ClientId, SessionId, Timestamp, UserId};

/// What differs from the store below. By default, nothing.
#[async_trait]
pub trait Overlay: Send + Sync {
    /// The store that all other verbs go to.
    fn below(&self) -> &dyn Store;

    /// Runs before each verb that writes only if what the caller read before still holds.
    async fn before_conditional_write(&self) {}

    /// As [`Store::rotate`].
    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        self.below().rotate(step, by).await
    }
}

/// The store that an overlay makes of the store below it.
pub struct Overlaid<T>(pub Arc<T>);

#[async_trait]
impl<T: Overlay> Store for Overlaid<T> {
    async fn add_user(&self, given: &[Standing], user: &User) -> Answer<Added> {
        self.0.before_conditional_write().await;
        self.0.below().add_user(given, user).await
    }

    async fn import_users(&self, users: &[User], mode: ImportMode) -> Answer<Vec<Added>> {
        self.0.before_conditional_write().await;
        self.0.below().import_users(users, mode).await
    }

    async fn user(&self, id: &UserId) -> Answer<Option<User>> {
        self.0.below().user(id).await
    }

    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>> {
        self.0.below().user_by_name(name).await
    }

    async fn users(&self, page: &Page<UserId>) -> Answer<Vec<User>> {
        self.0.below().users(page).await
    }

    async fn change_user(&self, id: &UserId, given: &[Standing], changes: &[UserChange]) -> Answer<Changed> {
        self.0.before_conditional_write().await;
        self.0.below().change_user(id, given, changes).await
    }

    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Answer<bool> {
        self.0.before_conditional_write().await;
        self.0.below().rehash(id, old, new).await
    }

    async fn imported_work(&self) -> Answer<Work> {
        self.0.below().imported_work().await
    }

    async fn open(
        &self,
        session: &Session,
        given: &[Standing],
        spending: Option<&SingleUse>,
    ) -> Answer<Opened> {
        self.0.before_conditional_write().await;
        self.0.below().open(session, given, spending).await
    }

    async fn session(&self, id: SessionId) -> Answer<Option<SessionWithUser>> {
        self.0.below().session(id).await
    }

    async fn sessions(&self, of: &Whose, page: &Page<SessionId>) -> Answer<Vec<SessionWithUser>> {
        self.0.below().sessions(of, page).await
    }

    async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        self.0.before_conditional_write().await;
        self.0.rotate(step, by).await
    }

    async fn revoke(&self, id: SessionId, of: &Whose, how: &Revoked) -> Answer<bool> {
        self.0.below().revoke(id, of, how).await
    }

    async fn revoke_all(&self, of: &Whose, except: Option<SessionId>, how: &Revoked) -> Answer<u64> {
        self.0.below().revoke_all(of, except, how).await
    }

    async fn sweep(&self, before: Timestamp, page: &Page<SessionId>) -> Answer<Swept> {
        self.0.below().sweep(before, page).await
    }

    async fn revocations(&self, after: u64, limit: u32) -> Answer<Vec<Revocation>> {
        self.0.below().revocations(after, limit).await
    }

    async fn forget_revocations(&self, number: u64) -> Answer<()> {
        self.0.below().forget_revocations(number).await
    }

    async fn begin_token_life(&self, longest: Duration, now: Timestamp) -> Answer<TokenLife> {
        self.0.below().begin_token_life(longest, now).await
    }

    async fn add_client(&self, given: &[Standing], client: &Client) -> Answer<Added> {
        self.0.before_conditional_write().await;
        self.0.below().add_client(given, client).await
    }

    async fn client(&self, id: &ClientId) -> Answer<Option<Client>> {
        self.0.below().client(id).await
    }

    async fn clients(&self, page: &Page<ClientId>) -> Answer<Vec<Client>> {
        self.0.below().clients(page).await
    }

    async fn change_client(
        &self,
        id: &ClientId,
        given: &[Standing],
        changes: &[ClientChange],
    ) -> Answer<ClientChanged> {
        self.0.before_conditional_write().await;
        self.0.below().change_client(id, given, changes).await
    }

    async fn replace_client_authentication(
        &self,
        id: &ClientId,
        given: &[Standing],
        old: &ClientAuthentication,
        new: &ClientAuthentication,
    ) -> Answer<bool> {
        self.0.before_conditional_write().await;
        self.0.below().replace_client_authentication(id, given, old, new).await
    }

    async fn remove_client(&self, id: &ClientId, given: &[Standing], how: &Revoked) -> Answer<ClientRemoved> {
        self.0.before_conditional_write().await;
        self.0.below().remove_client(id, given, how).await
    }

    async fn signing_keys(&self) -> Answer<KeyRing> {
        self.0.below().signing_keys().await
    }

    async fn replace_signing_keys(&self, ring: &KeyRing) -> Answer<bool> {
        self.0.below().replace_signing_keys(ring).await
    }

    async fn position(&self) -> Answer<Option<Position>> {
        self.0.below().position().await
    }

    async fn ping(&self) -> Answer<()> {
        self.0.below().ping().await
    }
}
