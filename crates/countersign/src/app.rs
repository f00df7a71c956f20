//! Everything that a flow may use, made once at the start.

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

/// The server's parts.
pub struct App {
    /// Users, sessions, keys.
    pub store: Arc<dyn Store>,
    /// Clock and random generator.
    pub world: World,
    /// What derives from the master key.
    pub server_keys: ServerKeys,
    /// How sessions live and their access tokens are issued.
    pub terms: Arc<Terms>,
    /// Registered clients.
    pub clients: ClientRegistry,
    /// For whom access tokens are unless somebody asks otherwise.
    pub audience: String,
    /// The signing keys in use.
    pub keyring: Keyring,
    /// Where passwords are hashed.
    pub hashing: HashPool,
    /// Who may try how often.
    pub throttle: Throttle,
    /// What the parts of applications behind proxies need.
    pub routes: Routes,
    /// What was taken back lately.
    pub revocations: RevocationWindow,
    /// The pieces of that list which were signed lately.
    pub signed_pages: SignedPages,
    /// What happened to sessions lately.
    pub events: EventLog,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether strangers may sign up.
    pub registration: Registration,
    /// Tokens of the tutorial that are still taken, if any.
    pub legacy: Legacy,
    /// The user whom an empty `POST /getTokens` signs in; only with `--dev`.
    pub demo: Option<DemoUser>,
    /// The page on which a beginner watches the tokens; only with `--dev`.
    pub lab: Option<Lab>,
}

impl App {
    /// How the sessions of a client live.
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

/// Whether strangers may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// They may.
    Open,
    /// An administrator makes the accounts.
    Closed,
}

/// The tutorial's tokens during a migration.
#[derive(Default)]
pub struct Legacy {
    /// Verifies its refresh tokens, each of which is taken once.
    pub refresh: Option<LegacyKey>,
    /// Verifies its access tokens.
    pub access: Option<LegacyKey>,
    /// The claim of both that has the user's id.
    pub user_id_claim: String,
    /// None of either is taken from here on.
    pub accept_until: Timestamp,
}

/// The user of the tutorial.
pub struct DemoUser {
    /// What it signs in with.
    pub username: String,
    /// Its generated password.
    pub password: Secret<String>,
}
