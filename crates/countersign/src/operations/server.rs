//! Accepting connections: limits in time, TLS that can be reloaded, and an end that loses nothing.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use ipnet::IpNet;
use socket2::SockRef;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinError;

use super::connections::{self, Bounded, MAX_OPERATORS};
use super::high_water::{self, HighWater};
use super::keyring::{self, Keeper};
use super::places::{Places, SHARE};
use super::{event_log, revocation_window, sweeper};
use crate::config::{Config, TlsConfig};
use crate::http::{self, Edge};

/// A request's whole header, in bytes: a token of 16 KiB fits beside everything else.
const MAX_HEADER: usize = 64 * 1024;

/// What the system keeps of an answer beyond what its reader has room for, in bytes.
const MAX_UNSENT: u32 = 16 * 1024;

/// Time for what is in flight after the last request was answered.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The listeners of one process, bound before anything is printed.
pub struct Listeners {
    main: TcpListener,
    management: TcpListener,
}

/// How signing keys are looked after while the server runs; `None` when they are a shared secret.
pub type KeyPolicy = Option<countersign_core::signing_keys::KeyPolicy>;

impl Listeners {
    /// Binds both addresses.
    ///
    /// # Errors
    ///
    /// When one is taken or not ours.
    pub fn bind(config: &Config) -> anyhow::Result<Self> {
        let bind = |key: &str, address: SocketAddr| {
            let listener = TcpListener::bind(address).map_err(|error| {
                let advice = match error.kind() {
                    std::io::ErrorKind::PermissionDenied => {
                        "ports below 1024 take more rights than this user has"
                    }
                    _ => "or stop what uses it",
                };
                let flag = key.replace('_', "-");
                anyhow::Error::new(error).context(format!(
                    "cannot listen on {address}: choose another `{key}` (--{flag}), {advice}"
                ))
            })?;
            // Connections inherit both: a client that does not take its answer is let go, and until then little
            // of it waits in the system's memory, which for a stream would be megabytes.
            let socket = SockRef::from(&listener);
            socket
                .set_tcp_user_timeout(Some(config.limits.request_time.duration()))
                .and_then(|()| socket.set_tcp_notsent_lowat(MAX_UNSENT))
                .context(
                    "the system cannot bound how much of an answer waits for its reader, and how long",
                )?;
            anyhow::Ok(listener)
        };
        Ok(Self {
            main: bind("listen", config.listen)?,
            management: bind("management_listen", config.management_listen)?,
        })
    }

    /// The address that clients reach.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.main.local_addr()
    }

    /// The address that operators reach.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn management_address(&self) -> std::io::Result<SocketAddr> {
        self.management.local_addr()
    }
}

/// What a server was asked for when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To stop.
    ToStop,
    /// To begin anew, by the lab.
    ToRestart,
}

/// Serves until the process is asked to stop. `ready` is called when connections are accepted.
///
/// # Errors
///
/// When the certificate cannot be read, or accepting fails for good.
pub async fn serve(
    edge: Arc<Edge>,
    listeners: Listeners,
    (config, keys): (&Config, KeyPolicy),
    hang_up: Signal,
    ready: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Asked> {
    let mut stops = Stops::receive()?;
    let tls = load_tls(&config.tls).await?;
    let (main, management) = (Handle::new(), Handle::new());
    let limits = &config.limits;
    let most = connections::most(limits.connections.into());
    let app = Bounds {
        header_time: limits.header_time.duration(),
        handle: main.clone(),
        places: Places::new(most, limits.connections_per_address.into(), SHARE),
        trusted: config.trusted_proxies.clone().into(),
    };
    let operators = Bounds {
        handle: management.clone(),
        places: Places::new(MAX_OPERATORS, MAX_OPERATORS, SHARE),
        ..app.clone()
    };
    let mut serving = tokio::spawn(app.serve(listeners.main, http::routes(edge.clone()), tls.clone()));
    let managing =
        tokio::spawn(operators.serve(listeners.management, http::management_routes(edge.clone()), None));
    let background = [
        tokio::spawn(keep_keys(edge.clone(), keys, (config.tls.clone(), tls), hang_up)),
        tokio::spawn(sweep(edge.clone())),
        tokio::spawn(keep_list(edge.clone())),
        tokio::spawn(note_revocations(edge.clone())),
        tokio::spawn(keep_high_water(edge.clone(), HighWater::read(&config.data_dir)?)),
    ];
    main.listening().await.context("the server could not start to listen")?;
    ready()?;
    let asked = tokio::select! {
        () = stops.next() => Asked::ToStop,
        () = restart_requested(&edge) => Asked::ToRestart,
        ended = &mut serving => return ended_early("the server", ended),
        ended = managing => return ended_early("the management server", ended),
    };
    tracing::info!("asked to stop: requests in flight are answered first");
    edge.is_draining.store(true, Ordering::Relaxed);
    main.graceful_shutdown(Some(config.limits.drain_time.duration()));
    let served = serving.await.context("the server stopped by itself")?;
    for task in background {
        task.abort();
        // It may be at work on a file.
        task.await.ok();
    }
    // What was answered last counts too.
    high_water::finish(&*edge.app.store, &config.data_dir).await;
    tokio::time::sleep(LAST_WORDS).await;
    management.shutdown();
    served.context("accepting connections failed")?;
    // Whoever asks to stop while it is about to begin anew means it.
    let is_stopped = tokio::time::timeout(Duration::ZERO, stops.next()).await.is_ok();
    Ok(if is_stopped { Asked::ToStop } else { asked })
}

/// A listener that ends although nobody asked it to.
fn ended_early(who: &str, ended: Result<std::io::Result<()>, JoinError>) -> anyhow::Result<Asked> {
    ended
        .with_context(|| format!("{who} broke"))?
        .with_context(|| format!("{who} cannot accept connections"))?;
    anyhow::bail!("{who} ended although nobody asked it to")
}

#[derive(Clone)]
struct Bounds {
    header_time: Duration,
    handle: Handle<SocketAddr>,
    places: Places,
    trusted: Arc<[IpNet]>,
}

impl Bounds {
    async fn serve(
        self,
        listener: TcpListener,
        routes: Router,
        tls: Option<RustlsConfig>,
    ) -> std::io::Result<()> {
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        // As over TLS: HTTP/2 is not spoken, not even by a client that begins with it unasked.
        let mut server = axum_server::from_tcp(listener)?
            .http1_only()
            .handle(self.handle)
            .first_request_timeout(self.header_time);
        server
            .http_builder()
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_time)
            .max_buf_size(MAX_HEADER);
        match tls {
            Some(tls) => {
                let acceptor = RustlsAcceptor::new(tls).handshake_timeout(self.header_time);
                let acceptor = Bounded { acceptor, places: self.places, trusted: self.trusted };
                server.acceptor(acceptor).serve(service).await
            }
            None => {
                let acceptor = DefaultAcceptor::new();
                let acceptor = Bounded { acceptor, places: self.places, trusted: self.trusted };
                server.acceptor(acceptor).serve(service).await
            }
        }
    }
}

async fn load_tls(tls: &TlsConfig) -> anyhow::Result<Option<RustlsConfig>> {
    let Some((certificate, key)) = pem_files(tls) else { return Ok(None) };
    let loaded = RustlsConfig::from_pem_file(certificate, key).await.inspect(speak_http_1);
    let names =
        || format!("cannot use `tls.certificate` {} with `tls.key` {}", certificate.display(), key.display());
    loaded.map(Some).with_context(names)
}

/// HTTP/2 is not offered: nothing here needs it, and its idle connections have no limit in time.
fn speak_http_1(tls: &RustlsConfig) {
    let mut config = (*tls.get_inner()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls.reload_from_config(Arc::new(config));
}

fn pem_files(tls: &TlsConfig) -> Option<(&Path, &Path)> {
    tls.certificate.as_deref().zip(tls.key.as_deref())
}

/// SIGHUP, which would end a process that does not receive it: a reload may come before there is anything to reload.
///
/// # Errors
///
/// When the system does not allow it.
pub fn receive_hang_up() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("signals cannot be received")
}

/// Looks after the signing keys, and on SIGHUP reads certificate and keys again.
async fn keep_keys(
    edge: Arc<Edge>,
    policy: KeyPolicy,
    (files, tls): (TlsConfig, Option<RustlsConfig>),
    mut hang_up: Signal,
) {
    loop {
        let is_asked = tokio::select! {
            () = tokio::time::sleep(keyring::INTERVAL) => false,
            _ = hang_up.recv() => true,
        };
        if is_asked {
            tracing::info!("asked to read certificate and keys again");
            reload_tls(&files, tls.as_ref()).await;
        }
        let Some(policy) = policy else { continue };
        let app = &edge.app;
        let keeper = Keeper { store: &*app.store, server_keys: &app.server_keys, policy, world: &app.world };
        match keeper.keep().await {
            Ok(keys) => {
                if keys.signing.key_id() != app.keyring.current().signing.key_id() {
                    tracing::info!(key_id = %keys.signing.key_id(), "another key signs from now on");
                }
                app.keyring.replace(keys);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "the signing keys could not be looked after; the known ones stay in use"
                );
            }
        }
    }
}

async fn reload_tls(files: &TlsConfig, tls: Option<&RustlsConfig>) {
    let Some((tls, (certificate, key))) = tls.zip(pem_files(files)) else { return };
    match tls.reload_from_pem_file(certificate, key).await {
        Ok(()) => speak_http_1(tls),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the certificate could not be read again; the old one stays in use");
        }
    }
}

async fn sweep(edge: Arc<Edge>) {
    sweeper::run(&edge.app).await;
}

async fn keep_list(edge: Arc<Edge>) {
    revocation_window::run(&edge.app).await;
}

async fn note_revocations(edge: Arc<Edge>) {
    event_log::run(&edge.app).await;
}

async fn keep_high_water(edge: Arc<Edge>, file: HighWater) {
    high_water::run(&*edge.app.store, file).await;
}

async fn restart_requested(edge: &Edge) {
    match &edge.app.lab {
        Some(lab) => lab.restart_asked().await,
        None => std::future::pending().await,
    }
}

/// What asks a process to stop, kept when it comes.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn receive() -> anyhow::Result<Self> {
        let receive = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: receive(SignalKind::terminate())?,
            interrupt: receive(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
