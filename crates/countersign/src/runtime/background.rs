//! Background tasks, which run for as long as the process serves requests.

use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use countersign_core::signing_keys::KeyPolicy;
use tokio::signal::unix::Signal;
use tokio::task::JoinSet;

use super::high_water::{self, HighWater};
use super::{sweeper, tls};
use crate::app::App;
use crate::config::TlsConfig;
use crate::http::Edge;
use crate::services::keyring::Keeper;

/// How often the signing keys are checked for a due rotation.
const KEYS_INTERVAL: Duration = Duration::from_secs(30);

/// How often new revocations are read from the store.
const REVOCATIONS_INTERVAL: Duration = Duration::from_millis(100);

/// How often the event log checks whether the revocation list has been read for the first time.
const FIRST_READ_INTERVAL: Duration = Duration::from_millis(20);

/// How long the event log waits after the store has failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The parts that the tasks need in addition to the server.
pub(super) struct Settings {
    /// How the signing keys rotate; `None` if the server signs with a shared secret.
    pub(super) key_policy: Option<KeyPolicy>,
    /// The files of the certificate.
    pub(super) certificate: TlsConfig,
    /// The certificate in use; `None` without TLS.
    pub(super) tls: Option<RustlsConfig>,
    /// The stream of SIGHUP signals.
    pub(super) hang_up: Signal,
    pub(super) high_water: HighWater,
}

/// Starts all tasks. They end when the returned set is shut down or dropped.
pub(super) fn start(edge: &Arc<Edge>, settings: Settings) -> JoinSet<()> {
    let Settings { key_policy, certificate, tls, hang_up, high_water } = settings;
    let mut tasks = JoinSet::new();
    let of = edge.clone();
    tasks.spawn(
        async move { keep_keys_and_certificate(&of.app, key_policy, certificate, tls, hang_up).await },
    );
    let of = edge.clone();
    tasks.spawn(async move { sweeper::run(&of.app).await });
    let of = edge.clone();
    tasks.spawn(async move { follow_revocations(&of.app).await });
    let of = edge.clone();
    tasks.spawn(async move { note_revocations(&of.app).await });
    let of = edge.clone();
    tasks.spawn(async move { high_water::run(&*of.app.store, high_water).await });
    tasks
}

/// Rotates the signing keys when a rotation is due. On SIGHUP, reloads the certificate and the keys.
async fn keep_keys_and_certificate(
    app: &App,
    key_policy: Option<KeyPolicy>,
    certificate: TlsConfig,
    tls: Option<RustlsConfig>,
    mut hang_up: Signal,
) {
    loop {
        let is_reload = tokio::select! {
            () = tokio::time::sleep(KEYS_INTERVAL) => false,
            _ = hang_up.recv() => true,
        };
        if is_reload {
            tracing::info!("received SIGHUP: reloading the certificate and the signing keys");
            tls::reload(&certificate, tls.as_ref()).await;
        }
        if let Some(policy) = key_policy {
            keep_keys(app, policy).await;
        }
    }
}

async fn keep_keys(app: &App, policy: KeyPolicy) {
    let keeper = Keeper { store: &*app.store, server_keys: &app.server_keys, policy, world: &app.world };
    match keeper.keep().await {
        Ok(keys) => {
            if keys.signing.key_id() != app.keyring.current().signing.key_id() {
                tracing::info!(key_id = %keys.signing.key_id(), "a new signing key is in use");
            }
            app.keyring.replace(keys);
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                "the signing keys could not be checked for rotation; the current keys stay in use"
            );
        }
    }
}

/// Reads new entries of the revocation list from the store.
async fn follow_revocations(app: &App) {
    let mut is_failing = false;
    loop {
        let caught_up = app.revocations.catch_up(&*app.store, &app.world).await;
        if let (Err(error), false) = (&caught_up, is_failing) {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "the revocation list cannot be read; followers get errors");
        }
        is_failing = caught_up.is_err();
        tokio::time::sleep(REVOCATIONS_INTERVAL).await;
    }
}

/// Adds new entries of the revocation list to the event log.
async fn note_revocations(app: &App) {
    let mut list = app.revocations.watch();
    // Revocations from before the start of the process are not events. The first call after the list was read skips
    // them.
    while !app.revocations.is_up_to_date(app.world.now()) {
        tokio::time::sleep(FIRST_READ_INTERVAL).await;
    }
    loop {
        if let Err(error) = app.events.note_revocations(&app.revocations, &*app.store).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "revocations could not be added to the event log"
            );
            tokio::time::sleep(RETRY_INTERVAL).await;
            continue;
        }
        if list.changed().await.is_err() {
            return;
        }
    }
}
