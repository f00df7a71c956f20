//! How many connections are open at one time: of one address, and in all.
//!
//! A connection holds a slot from the moment it is accepted, before anything is
//! read and before TLS. One too many is closed at once. Trusted proxies and this
//! machine bring the connections of many clients, so only the bound of all counts
//! for them. The system's limit on open files is raised as far as it allows, and
//! bounds the number too: a connection must never take the file that the database
//! needs.

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

/// Connections of operators at one time.
pub(super) const MAX_OPERATORS: usize = 256;

/// Open files that are no clients' connections: the operators', the database's, listeners, the runtime's own.
const OTHER_FILES: u64 = MAX_OPERATORS as u64 + 64;

/// Bounds connections before another acceptor works on them.
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
        slot.ok_or_else(|| io::Error::other("too many connections are open, of this address or in all"))
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

/// The most connections: as configured, and as the system allows after its limit on open files was raised.
pub(super) fn most(configured: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // A limit that stays as it is bounds the number below.
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
