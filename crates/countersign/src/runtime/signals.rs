//! Signals: SIGTERM and SIGINT stop the process, SIGHUP makes it read certificate and keys again.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP, which would end a process that does not receive it: a reload may come before there is anything to reload.
///
/// # Errors
///
/// When the system does not allow it.
pub fn receive_hang_up() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("signals cannot be received")
}

/// What asks a process to stop, kept when it comes.
pub(super) struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    pub(super) fn receive() -> anyhow::Result<Self> {
        let receive = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: receive(SignalKind::terminate())?,
            interrupt: receive(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
