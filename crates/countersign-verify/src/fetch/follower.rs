//! Follows an issuer's list of revocations for as long as it is let.
//!
//! The list comes as a stream, and while that is silent it is asked for. Each piece is signed, so the way that it took
//! need not be trusted; and each reader goes on from its own last piece, so nothing can be left out on the way
//! unnoticed, and neither reader sees the other's pieces as a gap.

use std::sync::Arc;
use std::time::Duration;

use countersign_token::{Timestamp, VerifyError};
use reqwest::{Response, Url};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::{FollowError, IssuerError, Trouble};
use super::key_cache::KeyCache;
use super::origin;
use super::source::{FeedAddress, Source};
use super::voice::Voice;
use crate::revocations::Following;
use crate::{PieceError, RevocationFeed, RevocationPiece};

/// Everything that following needs.
pub(super) struct Follower {
    pub(super) source: Arc<Source>,
    pub(super) cache: Arc<KeyCache>,
    pub(super) feed: RevocationFeed,
    /// Whether the list was read to its end once, or is not waited for.
    pub(super) is_ready: watch::Sender<bool>,
    pub(super) voice: Voice,
}

/// A piece that was taken in.
pub(super) struct Taken {
    pub(super) is_first: bool,
    pub(super) issued_at: Timestamp,
    pub(super) cursor: String,
    pub(super) has_more: bool,
}

impl Follower {
    /// Waits until the metadata names a list, and then follows it.
    pub(super) async fn run(self) {
        let Some(list) = self.find_list().await else { return };
        self.feed.decide(Following::From(self.cache.now()));
        let follower = Arc::new(self);
        // Neither ends before this one, and both end with it.
        let mut readers = JoinSet::new();
        readers.spawn(follower.clone().listen(stream_of(list.clone())));
        readers.spawn(follower.ask_while_silent(list));
        readers.join_all().await;
    }

    /// Takes in a piece that goes on from a place, up to which everything is known.
    pub(super) async fn take(&self, text: &str, place: Option<&str>) -> Result<Taken, FollowError> {
        let piece = match self.verify(text) {
            Err(PieceError::Token(VerifyError::UnknownKey)) => {
                self.cache.ask(self.cache.now());
                self.cache.await_fetch().await;
                self.verify(text)
            }
            verified => verified,
        }?;
        let taken = Taken {
            is_first: piece.is_first(),
            issued_at: piece.issued_at(),
            cursor: piece.cursor().to_owned(),
            has_more: piece.has_more(),
        };
        self.feed.apply_after(place, piece, self.cache.now())?;
        if self.feed.as_of().is_some() {
            self.is_ready.send_if_modified(|is_ready| !std::mem::replace(is_ready, true));
        }
        Ok(taken)
    }

    /// An answer with status 200. 400 is the answer to a cursor that the issuer does not understand any more.
    pub(super) fn accepted(&self, response: Response, asked: &Url) -> Result<Response, IssuerError> {
        origin::accepted(response, asked).inspect_err(|error| {
            if matches!(error, IssuerError::Status { status: 400, .. }) {
                self.feed.begin_anew();
            }
        })
    }

    /// Reports what went wrong, and answers how long to wait: `pause`, or longer if the issuer asked for it.
    pub(super) fn pause_after(&self, ended: Result<(), FollowError>, pause: Duration) -> Duration {
        let Err(error) = ended else { return pause };
        let asked_for = error.retry_after().unwrap_or_default();
        self.source.report(Trouble::Revocations(error));
        pause.max(asked_for)
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

    fn verify(&self, text: &str) -> Result<RevocationPiece, PieceError> {
        let now = self.cache.now();
        let keys = self.cache.keys(now).ok_or(VerifyError::UnknownKey)?;
        RevocationPiece::verify(text, &keys, &self.source.issuer, now)
    }
}

fn stream_of(list: Url) -> Url {
    let mut stream = list;
    let path = format!("{}/stream", stream.path().trim_end_matches('/'));
    stream.set_path(&path);
    stream
}
