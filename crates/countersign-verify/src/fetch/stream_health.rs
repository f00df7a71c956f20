//! Whether the stream of an issuer delivers pages in time.
//!
//! The reader of the stream reports each page and the end of the stream. The poller waits for the stream to
//! fall silent, and then polls the list until the stream delivers a page again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// The sending half: the reader of the stream reports here.
#[derive(Default)]
pub(super) struct StreamHealth(watch::Sender<StreamState>);

/// The receiving half: waits for changes of the stream's state.
pub(super) struct HealthWatcher(watch::Receiver<StreamState>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StreamState {
    /// A page arrived. Also the state before the first stream is opened, so that it gets time to deliver a
    /// page.
    #[default]
    Delivering,
    Ended,
}

/// After this time without a page, the stream counts as silent. The issuer sends a page at least every five
/// seconds, so one is late. The strictest policy rejects tokens after 15 seconds, which leaves time to poll
/// the list.
pub(super) const SILENT_AFTER: Duration = Duration::from_millis(7500);

impl StreamHealth {
    pub(super) fn report_page(&self) {
        self.0.send_replace(StreamState::Delivering);
    }

    pub(super) fn report_end(&self) {
        self.0.send_replace(StreamState::Ended);
    }

    pub(super) fn watch(&self) -> HealthWatcher {
        HealthWatcher(self.0.subscribe())
    }
}

impl HealthWatcher {
    /// Waits until the stream has ended, or has delivered no page for [`SILENT_AFTER`].
    pub(super) async fn wait_for_silence(&mut self) {
        while *self.0.borrow_and_update() == StreamState::Delivering {
            if timeout(SILENT_AFTER, self.0.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Waits for the next page, at most for `longest`. Returns whether a page arrived.
    pub(super) async fn page_within(&mut self, longest: Duration) -> bool {
        let page = async {
            while self.0.changed().await.is_ok() && *self.0.borrow_and_update() != StreamState::Delivering {}
        };
        timeout(longest, page).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    async fn seconds_of(waiting: impl Future<Output = ()>) -> f64 {
        let began = Instant::now();
        waiting.await;
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_silent_when_it_ends_or_7_5_seconds_after_its_last_page() {
        let health = StreamHealth::default();
        let mut watcher = health.watch();
        let delivering = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(5)).await;
                health.report_page();
            }
        };
        let (_, silent_after) = tokio::join!(delivering, seconds_of(watcher.wait_for_silence()));
        assert!((27.5..27.6).contains(&silent_after), "{silent_after}");
        health.report_page();
        let ending = async {
            sleep(Duration::from_secs(1)).await;
            health.report_end();
        };
        let (_, silent_after) = tokio::join!(ending, seconds_of(watcher.wait_for_silence()));
        assert!((1.0..1.1).contains(&silent_after), "{silent_after}");
        assert!(seconds_of(watcher.wait_for_silence()).await < 0.1, "the stream is still ended");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_new_page_ends_the_silence() {
        let health = StreamHealth::default();
        let mut watcher = health.watch();
        watcher.wait_for_silence().await;
        assert!(!watcher.page_within(Duration::from_secs(5)).await, "the stream is silent, but not ended");
        health.report_end();
        assert!(!watcher.page_within(Duration::from_secs(5)).await);
        health.report_end();
        health.report_page();
        assert!(watcher.page_within(Duration::from_secs(5)).await);
        health.report_page();
        health.report_end();
        assert!(!watcher.page_within(Duration::from_secs(5)).await, "the stream ended after the page");
    }
}
