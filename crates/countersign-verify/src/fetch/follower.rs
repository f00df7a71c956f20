//! Follows an issuer's list of revocations for as long as it is let.
//!
//! The list comes as a stream of events. Each carries a signed piece, so the way that it took need not be trusted.
//! A stream that ends, breaks, falls silent or says something unacceptable is opened again where the list was
//! left, after a pause that grows and is not the same for all who lost it. Until then the list is asked for now and
//! then: an issuer without a place for another follower, or a proxy that keeps streams back, leaves nobody without
//! news.

use std::sync::Arc;
use std::time::Duration;

use countersign_token::VerifyError;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Response, Url};
use tokio::sync::watch;

use super::error::{FollowError, IssuerError, Trouble};
use super::event_stream::{EventStream, LONGEST_EVENT};
use super::key_cache::KeyCache;
use super::source::{FeedAddress, Source};
use super::{origin, pause};
use crate::revocations::Following;
use crate::{PieceError, RevocationFeed, RevocationPiece};

/// Everything that following needs.
pub(super) struct Follower {
    pub(super) source: Arc<Source>,
    pub(super) cache: Arc<KeyCache>,
    pub(super) feed: RevocationFeed,
    /// Whether the list was read to its end once, or is not waited for.
    pub(super) is_ready: watch::Sender<bool>,
}

/// The issuer gives a sign of life every five seconds.
const SILENCE: Duration = Duration::from_secs(15);

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Well within the minute for which a list may be behind.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often the list is asked for while there is no stream.
const LIST_INTERVAL: Duration = Duration::from_secs(5);

/// A stream that ends sooner is no success: whoever opens it at once again would never stop.
const SHORTEST_STREAM: u64 = 5;

/// An issuer that asks for more is asked sooner nevertheless: no token is accepted until it answers.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

impl Follower {
    /// Waits until the metadata names a list, and then follows it.
    pub(super) async fn run(self) {
        let Some(list) = self.find_list().await else { return };
        self.feed.decide(Following::From(self.cache.now()));
        let stream = stream_of(list.clone());
        let mut failures = 0_u32;
        loop {
            let began = self.cache.now();
            let (applied, ended) = self.follow(&stream).await;
            let lasted = self.cache.now().since(began).is_some_and(|time| time.as_secs() >= SHORTEST_STREAM);
            let was_good =
                applied > 0 && lasted && !matches!(ended, Err(FollowError::Piece(_) | FollowError::Apply(_)));
            failures = if was_good { 1 } else { failures.saturating_add(1) };
            let mut wait = pause::scattered(pause::doubled(FIRST_PAUSE, failures, LONGEST_PAUSE));
            if let Err(error) = ended {
                wait = wait.max(error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER));
                self.source.report(Trouble::Revocations(error));
            }
            // It ends when it is time to try the stream again.
            tokio::time::timeout(wait, self.ask_now_and_then(&list)).await.ok();
        }
    }

    /// Where the list is. That the metadata names none is reported, because tokens may be accepted without one.
    async fn find_list(&self) -> Option<Url> {
        let mut address = self.source.feed.subscribe();
        loop {
            let known = address.wait_for(|address| !matches!(address, FeedAddress::Unknown)).await;
            let known = known.ok()?.clone();
            if let FeedAddress::At(list) = known {
                return Some(list);
            }
            self.feed.decide(Following::Unlisted);
            self.is_ready.send_replace(true);
            if matches!(known, FeedAddress::Ignored) {
                return None;
            }
            self.source.report(Trouble::Revocations(FollowError::NoList));
            address.wait_for(|address| matches!(address, FeedAddress::At(_))).await.ok()?;
        }
    }

    /// Asks for the list, again and again.
    async fn ask_now_and_then(&self, list: &Url) {
        loop {
            // Why there is no stream has been reported; that there is no list either says no more.
            self.read_list(list).await.ok();
            tokio::time::sleep(pause::scattered(LIST_INTERVAL)).await;
        }
    }

    /// Everything on the list that is not known yet.
    async fn read_list(&self, list: &Url) -> Result<(), FollowError> {
        loop {
            let mut url = list.clone();
            if let Some(cursor) = self.feed.cursor() {
                url.query_pairs_mut().append_pair("after", &cursor);
            }
            let text = origin::get(&self.source.client, url, LONGEST_EVENT).await?;
            let text = String::from_utf8(text).map_err(|_| FollowError::NoEvents)?;
            if !self.apply(&text).await? {
                return Ok(());
            }
        }
    }

    /// How many pieces were applied, and how it ended. An issuer ends the stream when it stops, which is no error.
    async fn follow(&self, stream: &Url) -> (u64, Result<(), FollowError>) {
        let mut applied = 0;
        let ended = async {
            let mut response = self.open(stream).await?;
            let mut events = EventStream::default();
            while let Some(pieces) = next_events(&mut response, &mut events).await? {
                for piece in pieces {
                    self.apply(&piece).await?;
                    applied += 1;
                }
            }
            Ok(())
        };
        let ended = ended.await;
        (applied, ended)
    }

    async fn open(&self, stream: &Url) -> Result<Response, FollowError> {
        let mut request = self.source.client.get(stream.clone()).header(ACCEPT, "text/event-stream");
        if let Some(cursor) = self.feed.cursor() {
            request = request.header("last-event-id", cursor);
        }
        let sent = tokio::time::timeout(origin::ANSWER_TIME, request.send()).await;
        let sent = sent.map_err(|_| IssuerError::TooSlow)?.map_err(IssuerError::from)?;
        let response = origin::accepted(sent)?;
        let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|media_type| {
            let media_type = media_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        });
        if is_stream { Ok(response) } else { Err(FollowError::NoEvents) }
    }

    /// Answers whether there is more on the list.
    async fn apply(&self, text: &str) -> Result<bool, FollowError> {
        let piece = match self.verify(text) {
            Err(PieceError::Token(VerifyError::UnknownKey)) => {
                self.cache.ask(self.cache.now());
                self.cache.await_fetch().await;
                self.verify(text)
            }
            verified => verified,
        }?;
        let has_more = piece.has_more();
        self.feed.apply(piece, self.cache.now())?;
        if self.feed.as_of().is_some() {
            self.is_ready.send_if_modified(|is_ready| !std::mem::replace(is_ready, true));
        }
        Ok(has_more)
    }

    fn verify(&self, text: &str) -> Result<RevocationPiece, PieceError> {
        let now = self.cache.now();
        let keys = self.cache.keys(now).ok_or(VerifyError::UnknownKey)?;
        RevocationPiece::verify(text, &keys, &self.source.issuer, now)
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
    tokio::time::timeout(SILENCE, next).await.map_err(|_| FollowError::Silence)?
}

fn stream_of(list: Url) -> Url {
    let mut stream = list;
    let path = format!("{}/stream", stream.path().trim_end_matches('/'));
    stream.set_path(&path);
    stream
}
