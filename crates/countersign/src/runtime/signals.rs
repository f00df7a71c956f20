//! Signals: SIGTERM and SIGINT stop the process; SIGHUP makes it reload the certificate and the signing keys.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Starts to receive SIGHUP. Call this when the process starts: until then, SIGHUP ends the process, and an operator
/// may request a reload while the server is still starting.
///
/// # Errors
///
/// If the system does not allow it.
pub fn receive_hang_up() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("cannot receive signals")
}

/// The signals that stop the process. A signal that arrives between two calls of [`StopSignals::next`] is not lost.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(super) fn receive() -> anyhow::Result<Self> {
        let receive = |kind| signal(kind).context("cannot receive signals");
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
