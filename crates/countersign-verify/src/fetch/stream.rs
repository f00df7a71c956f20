//! Reads the stream of an issuer's revocation list.
//!
//! A stream that ends, breaks, falls silent or delivers an invalid page is opened again after a pause. The
//! pause grows with each failure and is random, so that clients that lost the stream together do not return
//! together.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Response, Url};
use tokio::time::{Instant, sleep, timeout};

use super::error::{FollowError, IssuerError};
use super::event_stream::{EventStream, LONGEST_EVENT};
use super::follower::Follower;
use super::stream_health::SILENT_AFTER;
use super::{backoff, http_client};

/// After this time without an event, the stream is closed. The issuer sends a page at least every five
/// seconds.
const STREAM_TIMEOUT: Duration = Duration::from_secs(15);

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Much shorter than the minute for which the default policy accepts an outdated list.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A shorter stream counts as a failure, so that a client does not reopen such streams without a growing
/// pause.
const SHORTEST_STREAM: Duration = Duration::from_secs(5);

const MEDIA_TYPE: &str = "text/event-stream";

/// What one stream delivered.
struct StreamOutcome {
    /// How many pages were applied.
    pages: u64,
    /// `Ok` if the issuer closed the stream, as it does when it shuts down.
    ended: Result<(), FollowError>,
}

impl Follower {
    /// Reads one stream after the other. Never returns; the task is aborted with the follower.
    pub(super) async fn follow_stream(self: Arc<Self>, stream: Url) {
        let mut failures = 0_u32;
        loop {
            // A monotonic clock, because the system clock and the issuer's clock can be set.
            let began = Instant::now();
            let StreamOutcome { pages, ended } = self.read_stream(&stream).await;
            self.stream_health.report_end();
            let succeeded = pages > 0
                && began.elapsed() >= SHORTEST_STREAM
                && !matches!(ended, Err(FollowError::Page(_) | FollowError::Apply(_)));
            failures = if succeeded { 1 } else { failures.saturating_add(1) };
            let pause = backoff::jittered(backoff::doubled(FIRST_PAUSE, failures, LONGEST_PAUSE));
            sleep(self.pause_after(ended, pause)).await;
        }
    }

    async fn read_stream(&self, stream: &Url) -> StreamOutcome {
        let mut pages = 0;
        let ended = async {
            // The stream continues after its own last page, even if the poller has read further in the
            // meantime.
            let mut cursor = self.feed.cursor();
            let mut response = self.open_stream(stream, cursor.as_deref()).await?;
            let mut events = EventStream::default();
            while let Some(texts) = next_events(&mut response, &mut events).await? {
                for text in texts {
                    let page = self.apply_page(&text, cursor.as_deref()).await?;
                    pages += 1;
                    // A stream that delivers old pages, such as a replayed one, must not stop the polling.
                    if page.issued_at.plus(SILENT_AFTER) >= self.cache.now() {
                        self.stream_health.report_page();
                    }
                    cursor = Some(page.cursor);
                }
            }
            Ok(())
        };
        let ended = ended.await;
        StreamOutcome { pages, ended }
    }

    async fn open_stream(&self, stream: &Url, cursor: Option<&str>) -> Result<Response, FollowError> {
        let mut request = http_client::request(&self.source.client, stream).header(ACCEPT, MEDIA_TYPE);
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor);
        }
        let sent = timeout(http_client::RESPONSE_TIMEOUT, request.send()).await;
        let sent = sent.map_err(|_| IssuerError::TooSlow)?.map_err(IssuerError::from)?;
        let response = self.check_response(sent, stream)?;
        if http_client::has_media_type(MEDIA_TYPE, &response) {
            Ok(response)
        } else {
            Err(FollowError::NoEvents)
        }
    }
}

/// Returns the data of the next complete events, or `None` at the end of the stream.
async fn next_events(
    response: &mut Response,
    events: &mut EventStream,
) -> Result<Option<Vec<String>>, FollowError> {
    let next = async {
        while let Some(chunk) = response.chunk().await.map_err(IssuerError::from)? {
            let complete = events.push(&chunk).map_err(|_| FollowError::TooLong(LONGEST_EVENT))?;
            if !complete.is_empty() {
                return Ok(Some(complete));
            }
        }
        Ok(None)
    };
    // Only a complete event resets the timeout: single bytes do not prove that the list is up to date.
    timeout(STREAM_TIMEOUT, next).await.map_err(|_| FollowError::Silence)?
}
