//! Asking for an issuer's list of revocations while its stream is silent.
//!
//! An issuer without a place for another follower, or a proxy that keeps streams back, so leaves nobody without news.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::ACCEPT;
use tokio::time::timeout;

use super::error::{FollowError, IssuerError};
use super::event_stream::LONGEST_EVENT;
use super::follower::{Follower, Taken};
use super::{origin, pause};

/// A stream that is only opened again needs no list beside.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How often the list is asked for, at least.
const INTERVAL: Duration = Duration::from_secs(5);

const MEDIA_TYPE: &str = "application/revocations+jwt";

impl Follower {
    /// Asks for the list whenever the stream is silent, until it speaks.
    pub(super) async fn ask_while_silent(self: Arc<Self>, list: Url) {
        let mut ear = self.voice.ear();
        loop {
            ear.silence().await;
            let mut pause = pause::scattered(FIRST_PAUSE);
            while !ear.word_within(pause).await {
                pause = self.pause_after(self.ask_for_all(&list).await, pause::scattered(INTERVAL));
            }
        }
    }

    /// Asks for everything on the list that is not known yet.
    async fn ask_for_all(&self, list: &Url) -> Result<(), FollowError> {
        let mut place = self.feed.cursor();
        let mut has_begun = false;
        loop {
            let text = self.ask(list, place.as_deref()).await?;
            let Taken { is_first, cursor, has_more, .. } = self.take(&text, place.as_deref()).await?;
            if !has_more {
                return Ok(());
            }
            let begins_again = is_first && std::mem::replace(&mut has_begun, true);
            if begins_again || place.as_ref() == Some(&cursor) {
                return Err(FollowError::NoProgress);
            }
            place = Some(cursor);
        }
    }

    /// The piece after a place, as it came.
    async fn ask(&self, list: &Url, place: Option<&str>) -> Result<String, FollowError> {
        let mut url = list.clone();
        if let Some(cursor) = place {
            url.query_pairs_mut().append_pair("after", cursor);
        }
        let piece = async {
            let sent = origin::request(&self.source.client, &url).header(ACCEPT, MEDIA_TYPE).send().await;
            let response = self.accepted(sent.map_err(IssuerError::from)?, &url)?;
            let is_piece = origin::is_of(MEDIA_TYPE, &response);
            Ok(if is_piece { Some(origin::body(response, LONGEST_EVENT).await?) } else { None })
        };
        let piece = timeout(origin::ANSWER_TIME, piece).await.unwrap_or(Err(IssuerError::TooSlow));
        let piece = piece.map_err(FollowError::List)?.ok_or(FollowError::NoPiece)?;
        String::from_utf8(piece).map_err(|_| FollowError::NoPiece)
    }
}
