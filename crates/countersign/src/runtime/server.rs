//! Accepts connections, with timeouts, reloadable TLS and a graceful shutdown.

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
use super::signals::StopSignals;
use super::{background, tls};
use crate::config::Config;
use crate::http::{self, Edge};
use crate::services::slots::{SHARE, Slots};

/// The maximum size of all headers of a request, in bytes. A token of 16 KiB fits next to the other headers.
const MAX_HEADER: usize = 64 * 1024;

/// The part of a response that the system buffers although the client does not read, in bytes.
const MAX_UNSENT: u32 = 16 * 1024;

/// How long the management server runs after the main server has stopped, so that it can finish its responses.
const MANAGEMENT_GRACE: Duration = Duration::from_millis(100);

/// The listeners of one process. They are bound before the process prints anything.
pub struct Listeners {
    main: TcpListener,
    management: TcpListener,
}

impl Listeners {
    /// Binds `listen` and `management_listen`.
    ///
    /// # Errors
    ///
    /// If an address is in use, needs more privileges or does not belong to this machine.
    pub fn bind(config: &Config) -> anyhow::Result<Self> {
        let bind = |key: &str, address: SocketAddr| {
            let listener = TcpListener::bind(address).map_err(|error| {
                let advice = match error.kind() {
                    std::io::ErrorKind::PermissionDenied => {
                        "because ports below 1024 require more privileges than this user has"
                    }
                    _ => "or stop the program that uses the port",
                };
                let flag = key.replace('_', "-");
                anyhow::Error::new(error).context(format!(
                    "cannot listen on {address}: choose another `{key}` (--{flag}), {advice}"
                ))
            })?;
            // Connections inherit both options. The system closes the connection of a client that does not read its
            // response. Until then, the system buffers little of the response: for a stream, it would be megabytes.
            let socket = SockRef::from(&listener);
            socket
                .set_tcp_user_timeout(Some(config.limits.request_time.duration()))
                .and_then(|()| socket.set_tcp_notsent_lowat(MAX_UNSENT))
                .context("cannot limit the size and the time of unsent responses on the listener")?;
            anyhow::Ok(listener)
        };
        Ok(Self {
            main: bind("listen", config.listen)?,
            management: bind("management_listen", config.management_listen)?,
        })
    }

    /// The address of `listen`, with the real port if the configured port is 0.
    ///
    /// # Errors
    ///
    /// If the system does not return the address.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.main.local_addr()
    }

    /// The address of `management_listen`, with the real port if the configured port is 0.
    ///
    /// # Errors
    ///
    /// If the system does not return the address.
    pub fn management_address(&self) -> std::io::Result<SocketAddr> {
        self.management.local_addr()
    }
}

/// Why the server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The process received SIGTERM or SIGINT.
    Signal,
    /// The lab requested a restart.
    Restart,
}

/// The parts that the server needs in addition to its routes.
pub struct Process<'a> {
    /// The configuration from which the server was assembled.
    pub config: &'a Config,
    /// How the signing keys rotate; `None` if the server signs with a shared secret.
    pub key_policy: Option<KeyPolicy>,
    /// The stream of SIGHUP signals. A process must receive SIGHUP from its start, because otherwise the signal ends
    /// the process.
    pub hang_up: Signal,
}

/// Serves until the process receives a signal or the lab requests a restart. `ready` is called when the server accepts
/// connections.
///
/// # Errors
///
/// If the certificate or the high-water file cannot be read, if `ready` fails, or if the server can no longer accept
/// connections.
pub async fn serve(
    edge: Arc<Edge>,
    listeners: Listeners,
    Process { config, key_policy, hang_up }: Process<'_>,
    ready: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<StopReason> {
    let mut stops = StopSignals::receive()?;
    let tls = tls::load(&config.tls).await?;
    let (main, management) = (Handle::new(), Handle::new());
    let limits = &config.limits;
    let capacity = connections::maximum(limits.connections.into());
    let app = Bounds {
        header_time: limits.header_time.duration(),
        handle: main.clone(),
        slots: Slots::new(capacity, limits.connections_per_address.into(), SHARE),
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
    main.listening().await.context("the server could not start to accept connections")?;
    ready()?;
    let reason = tokio::select! {
        () = stops.next() => StopReason::Signal,
        () = restart_requested(&edge) => StopReason::Restart,
        ended = &mut serving => return ended_early("the server", ended),
        ended = managing => return ended_early("the management server", ended),
    };
    tracing::info!("shutting down: requests in flight are completed first");
    edge.is_draining.store(true, Ordering::Relaxed);
    main.graceful_shutdown(Some(config.limits.drain_time.duration()));
    let served = serving.await.context("the server panicked")?;
    // A task may be writing a file: this waits for it.
    tasks.shutdown().await;
    // The last requests may have changed the position of the database.
    high_water::finish(&*edge.app.store, &config.data_dir).await;
    tokio::time::sleep(MANAGEMENT_GRACE).await;
    management.shutdown();
    served.context("the server cannot accept connections")?;
    // A signal that arrives during a restart takes precedence over the restart.
    let is_stopped = tokio::time::timeout(Duration::ZERO, stops.next()).await.is_ok();
    Ok(if is_stopped { StopReason::Signal } else { reason })
}

/// The error of a listener that stopped although no shutdown was requested.
fn ended_early(who: &str, ended: Result<std::io::Result<()>, JoinError>) -> anyhow::Result<StopReason> {
    ended
        .with_context(|| format!("{who} panicked"))?
        .with_context(|| format!("{who} cannot accept connections"))?;
    anyhow::bail!("{who} stopped unexpectedly")
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
        // As over TLS, the server does not speak HTTP/2, even if a client starts with it without negotiation.
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
