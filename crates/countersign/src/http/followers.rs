//! Those who follow a stream of server-sent events (HTML): each holds a connection for as long as it likes.
//!
//! There is a bound for all and one for each address (`slots`), so that a client
//! which takes every slot that one address may have takes none from others.
//! An event's id is where the stream goes on after it, so a browser and any
//! other client resume by `Last-Event-ID`. Nothing waits for a slow reader: an
//! event is made when its connection has room for it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde::Deserialize;
use tokio::sync::watch::Receiver;

use super::Edge;
use super::error::Failure;
use crate::services::cursor::Cursor;
use crate::services::slots::{SHARE, Slot, Slots};
use crate::visitor::Visitor;

/// A follower hears at least so often that nothing happened.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What happens together within this time is told together.
const GATHER: Duration = Duration::from_millis(50);

/// How often a stream looks whether the server is about to stop.
const LOOK: Duration = Duration::from_millis(250);

/// Followers at one time.
const MAX: usize = 1024;

/// Of one address.
const MAX_OF_ADDRESS: usize = 64;

/// The slots of those who follow.
#[derive(Debug, Clone)]
pub struct Followers(Slots);

impl Default for Followers {
    fn default() -> Self {
        Self(Slots::new(MAX, MAX_OF_ADDRESS, SHARE))
    }
}

/// Where a stream is to go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<String>,
}

/// One reader of a stream, which knows when there is news.
pub(super) struct Following<T> {
    pub(super) edge: Arc<Edge>,
    seen: Receiver<T>,
    _slot: Slot,
}

impl After {
    /// The cursor of the query.
    pub(super) fn cursor(&self) -> Result<Option<Cursor>, Failure> {
        parse(self.after.as_deref())
    }

    /// The cursor at which a stream goes on: a client that resumes sends the last event's id.
    pub(super) fn resumed(&self, headers: &HeaderMap) -> Result<Option<Cursor>, Failure> {
        let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
        parse(last.or(self.after.as_deref()))
    }
}

fn parse(cursor: Option<&str>) -> Result<Option<Cursor>, Failure> {
    cursor.map(str::parse).transpose().map_err(|_| {
        Failure::malformed("That is no cursor. Send the last one that you were given, or none for all.")
    })
}

impl<T> Following<T> {
    /// Takes a slot among `followers`.
    ///
    /// # Errors
    ///
    /// When there is none, or the server is about to stop.
    pub(super) fn begin(
        edge: Arc<Edge>,
        followers: &Followers,
        visitor: &Visitor,
        seen: Receiver<T>,
    ) -> Result<Self, Failure> {
        if edge.is_draining.load(Ordering::Relaxed) {
            return Err(Failure::draining());
        }
        let address = visitor.presence.address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let slot = followers.0.take(address).ok_or_else(Failure::too_many_followers)?;
        Ok(Self { edge, seen, _slot: slot })
    }

    /// Waits for something that the reader does not know yet, or for the next heartbeat, and answers whether there is
    /// news. `None`: the server is about to stop.
    pub(super) async fn wait(&mut self, knows: impl Fn(&T) -> bool) -> Option<bool> {
        tokio::time::sleep(GATHER).await;
        let mut waited = GATHER;
        while waited < HEARTBEAT && knows(&self.seen.borrow_and_update()) {
            if self.edge.is_draining.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::timeout(LOOK, self.seen.changed()).await.ok();
            waited += LOOK;
        }
        Some(!knows(&self.seen.borrow()))
    }
}

/// Answers with a stream.
pub(super) fn stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let events = futures_util::StreamExt::map(events, Ok::<_, Infallible>);
    let mut response = Sse::new(events).into_response();
    // nginx would keep events back until its buffer is full.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
