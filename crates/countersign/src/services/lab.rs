//! The clients and session lifetimes of the lab, which exists only with `--dev`.
//!
//! A page cannot wait 15 minutes for a token to expire, so the lab's sessions have shorter lifetimes. The sessions of
//! other clients are not affected.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::client::{
    Client, ClientAuthentication, ClientSecretHash, ClientSettings, SecretMethod,
};
use countersign_core::refresh::RefreshPolicy;
use countersign_core::signing_keys::KeyPolicy;
use countersign_core::{ClientId, Secret, World};
use tokio::sync::watch;

use super::terms::Terms;

/// The longest lifetime of the lab's access tokens.
const LIFETIME: Duration = Duration::from_secs(30);

/// The longest grace of the lab's spent refresh tokens.
const GRACE: Duration = Duration::from_secs(10);

/// The parts of the server that only the lab has.
pub struct Lab {
    /// The client of its sessions.
    pub client: ClientId,
    /// The lifetimes and rules of its sessions.
    pub terms: Arc<Terms>,
    /// The client that introspects for the lab's page. It exists only in memory, and each process generates a new
    /// secret for it.
    pub introspector: Client,
    /// The introspecting client's secret.
    pub secret: Secret<String>,
    /// How signing keys rotate; `None` when the server signs with a shared secret.
    pub key_policy: Option<KeyPolicy>,
    /// Set when the lab asks for a restart.
    restart: watch::Sender<bool>,
}

impl Lab {
    /// Creates the lab of a server whose other sessions have the terms `server`.
    pub fn new(server: &Terms, audience: &str, key_policy: Option<KeyPolicy>, world: &World) -> Self {
        let mut issuer = server.issuer.clone();
        issuer.lifetime = issuer.lifetime.min(LIFETIME);
        issuer.jitter = Duration::ZERO;
        let policy = RefreshPolicy { grace: server.policy.grace.min(GRACE), ..server.policy };
        let (secret, hash) = ClientSecretHash::generate(world);
        let introspector = Client {
            id: ClientId::lab_api(),
            authentication: ClientAuthentication::Secret(SecretMethod::Basic, hash),
            settings: ClientSettings { audiences: vec![audience.to_owned()], ..ClientSettings::default() },
            created_at: world.now(),
        };
        Self {
            client: ClientId::lab(),
            terms: Arc::new(Terms { issuer, policy }),
            introspector,
            secret,
            key_policy,
            restart: watch::Sender::new(false),
        }
    }

    /// Asks for a restart of the process.
    pub fn ask_for_restart(&self) {
        self.restart.send_replace(true);
    }

    /// Waits until a restart is asked for.
    pub async fn restart_asked(&self) {
        // `self` holds the sender, so the channel cannot close while this waits.
        self.restart.subscribe().wait_for(|is_asked| *is_asked).await.ok();
    }
}
