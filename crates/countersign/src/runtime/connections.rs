//! Limits the number of open connections, per address and in total.
//!
//! A connection takes a slot when it is accepted, before the TLS handshake and before the server reads from it. If no
//! slot is free, the server closes the connection at once. Trusted proxies and this machine bring the connections of
//! many clients, so only the total limit applies to them. The server raises the system's limit on open files as far as
//! allowed. That limit also bounds the connections, so that they never use up the files that the database needs.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum_server::accept::Accept;
use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::services::slots::{Slot, Slots};

/// The maximum number of connections to the management address.
pub(super) const MAX_OPERATORS: usize = 256;

/// Open files that are not connections of clients: those of operators, the database, the listeners and the runtime.
const OTHER_FILES: u64 = MAX_OPERATORS as u64 + 64;

/// An acceptor that limits connections before it passes them to another acceptor.
#[derive(Debug, Clone)]
pub(super) struct Bounded<A> {
    pub(super) acceptor: A,
    pub(super) slots: Slots,
    pub(super) trusted: Arc<[IpNet]>,
}

/// A connection's service, which holds the connection's slot.
#[derive(Debug, Clone)]
pub(super) struct Held<S> {
    service: S,
    _slot: Arc<Slot>,
}

impl<A> Bounded<A> {
    fn take(&self, stream: &TcpStream) -> io::Result<Slot> {
        let address = stream.peer_addr()?.ip().to_canonical();
        let brings_others = |address: IpAddr| {
            address.is_loopback() || self.trusted.iter().any(|network| network.contains(&address))
        };
        let slot = if brings_others(address) { self.slots.take_unshared() } else { self.slots.take(address) };
        slot.ok_or_else(|| io::Error::other("too many open connections, from this address or in total"))
    }
}

impl<A, S> Accept<TcpStream, S> for Bounded<A>
where
    A: Accept<TcpStream, Held<S>>,
    A::Future: Send + 'static,
{
    type Stream = A::Stream;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(A::Stream, A::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        match self.take(&stream) {
            Ok(slot) => Box::pin(self.acceptor.accept(stream, Held { service, _slot: Arc::new(slot) })),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.service.call(request)
    }
}

/// Raises the limit on open files and returns the maximum number of connections: the configured number, or fewer if
/// the limit does not allow it.
pub(super) fn maximum(configured: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // If this fails, the lower limit applies below.
    setrlimit(Resource::Nofile, raised).ok();
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let allowed = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).max(1);
    if allowed < configured {
        tracing::warn!(
            allowed,
            configured,
            "the limit on open files allows fewer connections than `limits.connections`: raise it (LimitNOFILE)"
        );
    }
    configured.min(allowed)
}
