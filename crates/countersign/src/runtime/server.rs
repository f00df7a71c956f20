//! Accepting connections: limits in time, TLS that can be reloaded, and an end that loses nothing.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use countersign_core::signing_keys::KeyPolicy;
use hyper_util::rt::TokioTimer;
use ipnet::IpNet;
use socket2::SockRef;
use tokio::signal::unix::Signal;
use tokio::task::JoinError;

use super::connections::{self, Bounded, MAX_OPERATORS};
use super::high_water::{self, HighWater};
use super::signals::Stops;
use super::{background, tls};
use crate::config::Config;
use crate::http::{self, Edge};
use crate::services::slots::{SHARE, Slots};

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

/// What a server needs besides its routes.
pub struct Process<'a> {
    /// The configuration that the server was assembled from.
    pub config: &'a Config,
    /// How signing keys rotate; `None` when the server signs with a shared secret.
    pub key_policy: Option<KeyPolicy>,
    /// SIGHUP, which a process must receive from its start: otherwise it would end the process.
    pub hang_up: Signal,
}

/// Serves until the process is asked to stop. `ready` is called when connections are accepted.
///
/// # Errors
///
/// When the certificate cannot be read, or accepting fails for good.
pub async fn serve(
    edge: Arc<Edge>,
    listeners: Listeners,
    Process { config, key_policy, hang_up }: Process<'_>,
    ready: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Asked> {
    let mut stops = Stops::receive()?;
    let tls = tls::load(&config.tls).await?;
    let (main, management) = (Handle::new(), Handle::new());
    let limits = &config.limits;
    let most = connections::most(limits.connections.into());
    let app = Bounds {
        header_time: limits.header_time.duration(),
        handle: main.clone(),
        slots: Slots::new(most, limits.connections_per_address.into(), SHARE),
        trusted: config.trusted_proxies.clone().into(),
    };
    let operators = Bounds {
        handle: management.clone(),
        slots: Slots::new(MAX_OPERATORS, MAX_OPERATORS, SHARE),
        ..app.clone()
    };
    let mut serving = tokio::spawn(app.serve(listeners.main, http::routes(&edge), tls.clone()));
    let managing = tokio::spawn(operators.serve(listeners.management, http::management_routes(&edge), None));
    let settings = background::Settings {
        key_policy,
        certificate: config.tls.clone(),
        tls,
        hang_up,
        high_water: HighWater::read(&config.data_dir)?,
    };
    let mut tasks = background::start(&edge, settings);
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
    // A task may be writing a file: this waits for it.
    tasks.shutdown().await;
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
    slots: Slots,
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
                let acceptor = Bounded { acceptor, slots: self.slots, trusted: self.trusted };
                server.acceptor(acceptor).serve(service).await
            }
            None => {
                let acceptor = DefaultAcceptor::new();
                let acceptor = Bounded { acceptor, slots: self.slots, trusted: self.trusted };
                server.acceptor(acceptor).serve(service).await
            }
        }
    }
}

async fn restart_requested(edge: &Edge) {
    match &edge.app.lab {
        Some(lab) => lab.restart_asked().await,
        None => std::future::pending().await,
    }
}
