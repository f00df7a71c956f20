//! Followers: clients that follow a stream of server-sent events (WHATWG HTML) over a long-lived connection.
//!
//! The number of followers is limited in total and per address (`slots`), so that one
//! address cannot use all follower slots. The id of an event is the cursor after it, so
//! browsers and other clients resume with `Last-Event-ID`. A slow client delays no other
//! client: the server creates an event when the connection has room for it.

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

/// The server sends an event or a comment at least this often.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Changes within this time are sent together.
const BATCH_DELAY: Duration = Duration::from_millis(50);

/// How often a stream checks whether the server is shutting down.
const DRAIN_CHECK: Duration = Duration::from_millis(250);

/// Maximum number of followers.
const MAX: usize = 1024;

/// Maximum number of followers with the same address.
const MAX_OF_ADDRESS: usize = 64;

/// The follower slots of one stream.
#[derive(Debug, Clone)]
pub struct Followers(Slots);

impl Default for Followers {
    fn default() -> Self {
        Self(Slots::new(MAX, MAX_OF_ADDRESS, SHARE))
    }
}

/// The query of a list or stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<String>,
}

/// A follower of a stream. It holds a follower slot until it is dropped.
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

    /// The cursor at which a stream resumes: `Last-Event-ID`, or else the cursor of the query.
    pub(super) fn resumed(&self, headers: &HeaderMap) -> Result<Option<Cursor>, Failure> {
        let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
        parse(last.or(self.after.as_deref()))
    }
}

fn parse(cursor: Option<&str>) -> Result<Option<Cursor>, Failure> {
    cursor.map(str::parse).transpose().map_err(|_| {
        Failure::malformed(
            "The cursor is invalid. Send the last cursor that you received, or none to start over.",
        )
    })
}

impl<T> Following<T> {
    /// Takes a slot of `followers`.
    ///
    /// # Errors
    ///
    /// 503 when no slot is free, or when the server is shutting down.
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

    /// Waits until `knows` returns `false` for the newest value, or until the next heartbeat. Returns whether
    /// there is a new value. `None`: the server is shutting down.
    pub(super) async fn wait(&mut self, knows: impl Fn(&T) -> bool) -> Option<bool> {
        tokio::time::sleep(BATCH_DELAY).await;
        let mut waited = BATCH_DELAY;
        while waited < HEARTBEAT && knows(&self.seen.borrow_and_update()) {
            if self.edge.is_draining.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::timeout(DRAIN_CHECK, self.seen.changed()).await.ok();
            waited += DRAIN_CHECK;
        }
        Some(!knows(&self.seen.borrow()))
    }
}

/// The response that sends a stream of events.
pub(super) fn stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let events = futures_util::StreamExt::map(events, Ok::<_, Infallible>);
    let mut response = Sse::new(events).into_response();
    // Without this header, nginx holds events back until its buffer is full.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
