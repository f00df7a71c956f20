//! Assembles the server from its configuration.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use countersign_core::issuer::Issuer;
use countersign_core::password::PasswordHasher;
use countersign_core::signing_keys::KeyPolicy;
use countersign_core::store::Store;
use countersign_core::{ServerKeys, World};
use countersign_token::legacy::LegacyKey;
use countersign_token::{Algorithm, DEFAULT_LEEWAY, Expected, TokenType};

use crate::app::{App, DemoUser, Legacy, Registration};
use crate::config::{AccessTokenType, Checked, Config};
use crate::http::{Cookies, DeviceLabels, Edge, Followers, Hosts};
use crate::services::client_registry::ClientRegistry;
use crate::services::event_log::EventLog;
use crate::services::hash_pool::HashPool;
use crate::services::keyring::{Keeper, Keyring, Keys};
use crate::services::lab::Lab;
use crate::services::metrics::Metrics;
use crate::services::revocation_window::RevocationWindow;
use crate::services::signed_pages::SignedPages;
use crate::services::terms::Terms;
use crate::services::throttle::Throttle;

/// An assembled server that does not serve yet.
pub struct Assembled {
    pub edge: Arc<Edge>,
    /// How the signing keys rotate; `None` if the server signs with a shared secret.
    pub key_policy: Option<KeyPolicy>,
}

/// Assembles the server. `issuer` is the configured issuer, or with `--dev` a URL with the server's port.
///
/// # Errors
///
/// If the configuration is invalid, if the store fails, or if the signing keys cannot be used.
pub async fn assemble(
    config: &Config,
    issuer: String,
    store: Arc<dyn Store>,
    server_keys: ServerKeys,
    world: &World,
) -> anyhow::Result<Assembled> {
    let checked = config.check()?;
    let issuer = issuer_of(config, issuer);
    let key_policy = key_policy(config, &issuer);
    let keys = match (key_policy, &config.access_token.secret) {
        (Some(policy), _) => {
            Keeper { store: &*store, server_keys: &server_keys, policy, world }.keep().await?
        }
        (None, Some(secret)) => Keys::shared_secret(secret)?,
        (None, None) => anyhow::bail!("`access_token.secret` is missing"),
    };
    let audience = config.access_token.audience.clone().unwrap_or_else(|| issuer.name.clone());
    let expected = Expected {
        issuer: issuer.name.clone(),
        audience: audience.clone(),
        token_type: issuer.token_type,
        leeway: DEFAULT_LEEWAY,
    };
    let life = store.begin_token_life(issuer.longest_lifetime(), world.now()).await?;
    let hashing = hashing(config, &checked, world);
    hashing.set_greatest_work(store.imported_work().await?);
    let cookies = Cookies::below(issuer.path());
    let terms = Arc::new(Terms { issuer, policy: checked.policy });
    let app = App {
        store,
        server_keys,
        clients: ClientRegistry::new(terms.clone(), world.clone()),
        terms,
        audience,
        keyring: Keyring::new(keys, expected),
        revocations: RevocationWindow::new(life),
        signed_pages: SignedPages::default(),
        events: EventLog::new(world.clone()),
        metrics: Metrics::new(hashing.hashes()),
        hashing,
        throttle: Throttle::new(checked.allowances, world.clone()),
        registration: if config.registration.enabled { Registration::Open } else { Registration::Closed },
        legacy: legacy(config, &checked)?,
        routes: checked.routes,
        demo: None,
        lab: None,
        world: world.clone(),
    };
    let edge = Edge {
        app,
        body_limit: config.limits.body,
        request_time: config.limits.request_time.duration(),
        trusted_proxies: config.trusted_proxies.clone(),
        devices: DeviceLabels::default(),
        hosts: Hosts::Any,
        cookies,
        allowed_origins: checked.allowed_origins,
        followers: Followers::default(),
        watchers: Followers::default(),
        forward_auth: config.forward_auth.clone(),
        return_hosts: checked.return_hosts,
        is_draining: AtomicBool::new(false),
    };
    Ok(Assembled { edge: Arc::new(edge), key_policy })
}

impl Assembled {
    /// Adds the lab and the user whom `POST /getTokens` signs in if its body is empty. The server then accepts only
    /// requests whose `Host` is this machine.
    ///
    /// # Errors
    ///
    /// If `edge` is shared, because the server is already running.
    pub fn with_demo(mut self, demo: DemoUser) -> anyhow::Result<Self> {
        let edge = Arc::get_mut(&mut self.edge).context("the server is already running")?;
        edge.app.demo = Some(demo);
        let app = &mut edge.app;
        app.lab = Some(Lab::new(&app.terms, &app.audience, self.key_policy, &app.world));
        edge.hosts = Hosts::Loopback;
        Ok(self)
    }
}

fn issuer_of(config: &Config, name: String) -> Issuer {
    let token = &config.access_token;
    let lifetime = token.lifetime.duration();
    Issuer {
        name,
        lifetime,
        jitter: lifetime.mul_f64(f64::from(token.jitter) / 100.0),
        token_type: match token.r#type {
            AccessTokenType::AtJwt => TokenType::AccessToken,
            AccessTokenType::Jwt => TokenType::Jwt,
        },
    }
}

/// How the signing keys rotate; `None` if the server signs with a shared secret.
pub fn key_policy(config: &Config, issuer: &Issuer) -> Option<KeyPolicy> {
    let algorithm = config.access_token.algorithm;
    (algorithm != Algorithm::Hs256).then(|| KeyPolicy {
        algorithm,
        rotate_after: config.signing_keys.rotate_after.duration(),
        token_lifetime: issuer.longest_lifetime(),
    })
}

/// Like [`key_policy`], for commands that issue no tokens and need no issuer.
///
/// # Errors
///
/// If the server signs with a shared secret.
pub fn key_policy_of(config: &Config) -> anyhow::Result<KeyPolicy> {
    key_policy(config, &issuer_of(config, String::new()))
        .context("HS256 does not use signing keys: the server signs with `access_token.secret`")
}

/// Starts the pool that hashes passwords.
pub fn hashing(config: &Config, checked: &Checked, world: &World) -> HashPool {
    let hasher = PasswordHasher::new(config.password.memory_kib, config.password.passes, world);
    HashPool::new(hasher, checked.hash_limits, world.clone())
}

fn legacy(config: &Config, checked: &Checked) -> anyhow::Result<Legacy> {
    let key = |secret: &Option<countersign_core::Secret<String>>| {
        secret.as_ref().map(LegacyKey::new).transpose().context("`legacy`: a secret is empty")
    };
    anyhow::ensure!(
        !config.legacy.user_id_claim.is_empty(),
        "`legacy.user_id_claim` is empty: set the name of a claim"
    );
    Ok(Legacy {
        user_id_claim: config.legacy.user_id_claim.clone(),
        refresh: key(&config.legacy.refresh_secret)?,
        access: key(&config.legacy.access_secret)?,
        accept_until: checked.legacy_until,
    })
}
