//! Listening to the stream of an issuer's list of revocations.
//!
//! A stream that ends, breaks, falls silent or says something unacceptable is opened again, after a pause that grows
//! and is not the same for all who lost it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Response, Url};
use tokio::time::{Instant, sleep, timeout};

use super::error::{FollowError, IssuerError};
use super::event_stream::{EventStream, LONGEST_EVENT};
use super::follower::Follower;
use super::voice::QUIET;
use super::{origin, pause};

/// The issuer gives a sign of life every five seconds.
const SILENCE: Duration = Duration::from_secs(15);

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Well within the minute for which a list may be behind.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A stream that ends sooner is no success: whoever opens it at once again would never stop.
const SHORTEST_STREAM: Duration = Duration::from_secs(5);

const MEDIA_TYPE: &str = "text/event-stream";

impl Follower {
    /// Listens for as long as it is let.
    pub(super) async fn listen(self: Arc<Self>, stream: Url) {
        let mut failures = 0_u32;
        loop {
            // Not by the issuer's clock, nor by any that can be set.
            let began = Instant::now();
            let (pieces, ended) = self.listen_once(&stream).await;
            self.voice.hear_end();
            let was_good = pieces > 0
                && began.elapsed() >= SHORTEST_STREAM
                && !matches!(ended, Err(FollowError::Piece(_) | FollowError::Apply(_)));
            failures = if was_good { 1 } else { failures.saturating_add(1) };
            let pause = pause::scattered(pause::doubled(FIRST_PAUSE, failures, LONGEST_PAUSE));
            sleep(self.pause_after(ended, pause)).await;
        }
    }

    /// How many pieces were heard, and how it ended. An issuer ends the stream when it stops, which is no error.
    async fn listen_once(&self, stream: &Url) -> (u64, Result<(), FollowError>) {
        let mut heard = 0;
        let ended = async {
            // The stream goes on from its own last piece, wherever the list was asked for up to meanwhile.
            let mut place = self.feed.cursor();
            let mut response = self.open(stream, place.as_deref()).await?;
            let mut events = EventStream::default();
            while let Some(pieces) = next_events(&mut response, &mut events).await? {
                for piece in pieces {
                    let taken = self.take(&piece, place.as_deref()).await?;
                    heard += 1;
                    // A stream that is far behind, such as a recording of one, leaves the list to be asked for.
                    if taken.issued_at.plus(QUIET) >= self.cache.now() {
                        self.voice.hear_word();
                    }
                    place = Some(taken.cursor);
                }
            }
            Ok(())
        };
        let ended = ended.await;
        (heard, ended)
    }

    async fn open(&self, stream: &Url, place: Option<&str>) -> Result<Response, FollowError> {
        let mut request = origin::request(&self.source.client, stream).header(ACCEPT, MEDIA_TYPE);
        if let Some(cursor) = place {
            request = request.header("last-event-id", cursor);
        }
        let sent = timeout(origin::ANSWER_TIME, request.send()).await;
        let sent = sent.map_err(|_| IssuerError::TooSlow)?.map_err(IssuerError::from)?;
        let response = self.accepted(sent, stream)?;
        if origin::is_of(MEDIA_TYPE, &response) { Ok(response) } else { Err(FollowError::NoEvents) }
    }
}

/// `None` at the end of the stream.
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
    // Silence ends with a whole event: single bytes are no sign of life.
    timeout(SILENCE, next).await.map_err(|_| FollowError::Silence)?
}
