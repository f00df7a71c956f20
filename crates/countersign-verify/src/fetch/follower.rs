//! Follows an issuer's revocation list, from a stream and, while the stream is silent, by polling.
//!
//! Each page is signed, so proxies on the way need not be trusted. The stream and the poller each continue
//! after their own last page. A missing page is therefore always detected, and a page that the other one
//! applied is not mistaken for a gap.

use std::sync::Arc;
use std::time::Duration;

use countersign_token::{Timestamp, VerifyError};
use reqwest::{Response, Url};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::{FollowError, IssuerError, Trouble};
use super::http_client;
use super::source::{FeedAddress, Source};
use super::stream_health::StreamHealth;
use crate::key_cache::KeyCache;
use crate::revocations::Following;
use crate::{PageError, RevocationFeed, RevocationPage};

/// The state that the stream and the poller share.
pub(super) struct Follower {
    pub(super) source: Arc<Source>,
    pub(super) cache: Arc<KeyCache>,
    pub(super) feed: RevocationFeed,
    /// `true` when the list was read to its end once, or when there is no list to wait for.
    pub(super) is_ready: watch::Sender<bool>,
    pub(super) stream_health: StreamHealth,
}

/// A page whose entries were added to the list.
pub(super) struct AppliedPage {
    /// Whether the page begins with the oldest entry of the list.
    pub(super) is_first: bool,
    /// When the issuer signed the page, by its clock.
    pub(super) issued_at: Timestamp,
    /// The position after the page.
    pub(super) cursor: String,
    /// Whether the issuer already has a next page.
    pub(super) has_more: bool,
}

impl Follower {
    /// Waits until the metadata names a list, and then follows it.
    pub(super) async fn run(self) {
        let Some(list) = self.find_list().await else { return };
        self.feed.decide(Following::From(self.cache.now()));
        let follower = Arc::new(self);
        // Neither task ends on its own. Dropping this set aborts both.
        let mut readers = JoinSet::new();
        readers.spawn(follower.clone().follow_stream(stream_of(list.clone())));
        readers.spawn(follower.poll_while_stream_is_silent(list));
        readers.join_all().await;
    }

    /// Verifies a page and adds its entries to the list. All entries up to `cursor` must have been added
    /// before.
    pub(super) async fn apply_page(
        &self,
        text: &str,
        cursor: Option<&str>,
    ) -> Result<AppliedPage, FollowError> {
        let page = match self.verify(text) {
            Err(PageError::Token(VerifyError::UnknownKey)) => {
                self.cache.request_fetch(self.cache.now());
                self.cache.await_fetch().await;
                self.verify(text)
            }
            verified => verified,
        }?;
        let applied = AppliedPage {
            is_first: page.is_first(),
            issued_at: page.issued_at(),
            cursor: page.cursor().to_owned(),
            has_more: page.has_more(),
        };
        self.feed.apply_after(cursor, page, self.cache.now())?;
        if self.feed.as_of().is_some() {
            self.is_ready.send_if_modified(|is_ready| !std::mem::replace(is_ready, true));
        }
        Ok(applied)
    }

    /// Returns the response if its status is 200. Status 400 means that the issuer does not know the cursor
    /// any more, so the list is read again from its beginning.
    pub(super) fn check_response(
        &self,
        response: Response,
        requested: &Url,
    ) -> Result<Response, IssuerError> {
        http_client::check_response(response, requested).inspect_err(|error| {
            if matches!(error, IssuerError::Status { status: 400, .. }) {
                self.feed.reset_cursor();
            }
        })
    }

    /// Reports an error, and returns how long to wait: `pause`, or the issuer's `Retry-After` if it is
    /// longer.
    pub(super) fn pause_after(&self, ended: Result<(), FollowError>, pause: Duration) -> Duration {
        let Err(error) = ended else { return pause };
        let retry_after = error.retry_after().unwrap_or_default();
        self.source.report(Trouble::Revocations(error));
        pause.max(retry_after)
    }

    /// Waits until the URL of the list is known. Returns `None` if revocations are ignored. Metadata that
    /// names no list is reported, because revoked sessions may then be accepted.
    async fn find_list(&self) -> Option<Url> {
        let mut address = self.source.feed.subscribe();
        loop {
            let known = address.wait_for(|address| !matches!(address, FeedAddress::Unknown)).await;
            let known = known.ok()?.clone();
            if let FeedAddress::At(list) = known {
                return Some(list);
            }
            self.feed.decide(Following::NoList);
            self.is_ready.send_replace(true);
            if matches!(known, FeedAddress::Ignored) {
                return None;
            }
            self.source.report(Trouble::Revocations(FollowError::NoList));
            address.wait_for(|address| matches!(address, FeedAddress::At(_))).await.ok()?;
        }
    }

    fn verify(&self, text: &str) -> Result<RevocationPage, PageError> {
        let now = self.cache.now();
        let keys = self.cache.keys(now).ok_or(VerifyError::UnknownKey)?;
        RevocationPage::verify(text, &keys, &self.source.issuer, now)
    }
}

fn stream_of(list: Url) -> Url {
    let mut stream = list;
    let path = format!("{}/stream", stream.path().trim_end_matches('/'));
    stream.set_path(&path);
    stream
}
