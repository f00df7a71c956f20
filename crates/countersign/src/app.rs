//! The parts of the server that flows use. They are created once, at the start.

use std::sync::Arc;

use countersign_core::forward_auth::Routes;
use countersign_core::store::{Store, StoreError};
use countersign_core::{ClientId, Secret, ServerKeys, Timestamp, World};
use countersign_token::legacy::LegacyKey;

use crate::services::client_registry::ClientRegistry;
use crate::services::event_log::EventLog;
use crate::services::hash_pool::HashPool;
use crate::services::keyring::Keyring;
use crate::services::lab::Lab;
use crate::services::metrics::Metrics;
use crate::services::revocation_window::RevocationWindow;
use crate::services::signed_pages::SignedPages;
use crate::services::terms::Terms;
use crate::services::throttle::Throttle;

/// The parts of the server that flows use.
pub struct App {
    /// Users, sessions, keys.
    pub store: Arc<dyn Store>,
    /// Clock and random generator.
    pub world: World,
    /// The keys that are derived from the master key.
    pub server_keys: ServerKeys,
    /// The lifetimes of sessions, and the issuer of their access tokens.
    pub terms: Arc<Terms>,
    /// Registered clients.
    pub clients: ClientRegistry,
    /// The audience of all access tokens (RFC 9068 §2.2).
    pub audience: String,
    /// The signing keys in use.
    pub keyring: Keyring,
    /// The threads that hash passwords.
    pub hashing: HashPool,
    /// Limits attempts by account, device and address.
    pub throttle: Throttle,
    /// The scopes that the routes of applications behind proxies require.
    pub routes: Routes,
    /// The recent part of the revocation list.
    pub revocations: RevocationWindow,
    /// The pages of the revocation list that were signed recently.
    pub signed_pages: SignedPages,
    /// Recent events of sessions.
    pub events: EventLog,
    /// Counters and histograms.
    pub metrics: Metrics,
    /// Whether anyone may sign up.
    pub registration: Registration,
    /// The legacy tokens that are still accepted, if any.
    pub legacy: Legacy,
    /// The user that an empty `POST /getTokens` signs in; only with `--dev`.
    pub demo: Option<DemoUser>,
    /// The lab, a page that shows the tokens in use; only with `--dev`.
    pub lab: Option<Lab>,
}

impl App {
    /// The lifetimes and policies of a client's sessions.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn terms_of(&self, client: &ClientId) -> Result<Arc<Terms>, StoreError> {
        match self.own_terms_of(client) {
            Some(terms) => Ok(terms),
            None => self.clients.terms(&*self.store, client).await,
        }
    }

    /// The terms of this server's own clients: its app, and with `--dev` the lab.
    fn own_terms_of(&self, client: &ClientId) -> Option<Arc<Terms>> {
        match &self.lab {
            Some(lab) if lab.client == *client => Some(lab.terms.clone()),
            _ => client.is_reserved().then(|| self.terms.clone()),
        }
    }
}

/// Whether anyone may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone may sign up.
    Open,
    /// Only administrators create accounts.
    Closed,
}

/// The legacy tokens that the server accepts during a migration.
#[derive(Default)]
pub struct Legacy {
    /// Verifies legacy refresh tokens, each of which is accepted once.
    pub refresh: Option<LegacyKey>,
    /// Verifies legacy access tokens.
    pub access: Option<LegacyKey>,
    /// The claim that has the user's id, in both kinds of token.
    pub user_id_claim: String,
    /// The time from which on no legacy token is accepted.
    pub accept_until: Timestamp,
}

/// The demo user of `--dev`.
pub struct DemoUser {
    /// The username.
    pub username: String,
    /// The generated password.
    pub password: Secret<String>,
}
