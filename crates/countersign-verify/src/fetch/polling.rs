//! Polls an issuer's revocation list while its stream is silent.
//!
//! An API therefore stays up to date if the issuer has no free follower slot, or if a proxy buffers the
//! stream.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::ACCEPT;
use tokio::time::timeout;

use super::error::{FollowError, IssuerError};
use super::event_stream::LONGEST_EVENT;
use super::follower::{AppliedPage, Follower};
use super::{backoff, http_client};

/// The wait before the first poll. A stream that is reopened at once needs no poll.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest time between two polls, unless the issuer's `Retry-After` is longer.
const INTERVAL: Duration = Duration::from_secs(5);

const MEDIA_TYPE: &str = "application/revocations+jwt";

impl Follower {
    /// Polls the list whenever the stream is silent, until the stream delivers a page.
    pub(super) async fn poll_while_stream_is_silent(self: Arc<Self>, list: Url) {
        let mut stream = self.stream_health.watch();
        loop {
            stream.wait_for_silence().await;
            let mut pause = backoff::jittered(FIRST_PAUSE);
            while !stream.page_within(pause).await {
                pause = self.pause_after(self.read_list(&list).await, backoff::jittered(INTERVAL));
            }
        }
    }

    /// Fetches and applies all pages after the current cursor.
    async fn read_list(&self, list: &Url) -> Result<(), FollowError> {
        let mut cursor = self.feed.cursor();
        let mut has_begun = false;
        loop {
            let text = self.fetch_page(list, cursor.as_deref()).await?;
            let page = self.apply_page(&text, cursor.as_deref()).await?;
            let AppliedPage { is_first, cursor: next, has_more, .. } = page;
            if !has_more {
                return Ok(());
            }
            let begins_again = is_first && std::mem::replace(&mut has_begun, true);
            if begins_again || cursor.as_ref() == Some(&next) {
                return Err(FollowError::NoProgress);
            }
            cursor = Some(next);
        }
    }

    /// Fetches the page after `cursor`, and returns it as text that is not verified.
    async fn fetch_page(&self, list: &Url, cursor: Option<&str>) -> Result<String, FollowError> {
        let mut url = list.clone();
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("after", cursor);
        }
        let page = async {
            let sent =
                http_client::request(&self.source.client, &url).header(ACCEPT, MEDIA_TYPE).send().await;
            let response = self.check_response(sent.map_err(IssuerError::from)?, &url)?;
            let is_page = http_client::has_media_type(MEDIA_TYPE, &response);
            Ok(if is_page { Some(http_client::body(response, LONGEST_EVENT).await?) } else { None })
        };
        let page = timeout(http_client::RESPONSE_TIMEOUT, page).await.unwrap_or(Err(IssuerError::TooSlow));
        let page = page.map_err(FollowError::List)?.ok_or(FollowError::NoPage)?;
        String::from_utf8(page).map_err(|_| FollowError::NoPage)
    }
}
