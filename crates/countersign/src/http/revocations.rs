//! The list of what was taken back: at once, what came since, or as it comes.
//!
//! The stream is `text/event-stream` (HTML, server-sent events). Each event is a
//! signed piece of the list and its id is where the list goes on, so a browser
//! and any other client resume by `Last-Event-ID`. Nothing waits for a slow
//! reader: a piece is made when its connection has room for it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch::Receiver;

use super::Edge;
use super::error::{Failure, Problem};
use super::extract::Query;
use super::followers::Place;
use crate::flows::revocation_list;
use crate::operations::revocation_window::Cursor;
use crate::visitor::Visitor;

/// The media type of a piece.
const MEDIA_TYPE: &str = "application/revocations+jwt";

/// A follower hears at least so often that nothing happened.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Revocations that come together within this time share an event.
const GATHER: Duration = Duration::from_millis(50);

/// How often a stream looks whether the server is about to stop.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<String>,
}

/// A piece of the list: the first one, or the one after `after`.
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let signed = revocation_list::after(&edge.app, parse(after.as_deref())?)?;
    // Another signature is another body: a piece that is out of date is not called unchanged.
    let tag = format!("\"{}-{}\"", signed.cursor, signed.issued_at.seconds());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    let tag = HeaderValue::try_from(tag).expect("digits, letters and quotes");
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, [(header::CONTENT_TYPE, MEDIA_TYPE)], signed.text.to_string()).into_response())
}

/// The list as it grows.
pub(super) async fn follow(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
    let cursor = parse(last.or(after.as_deref()))?;
    if edge.is_draining.load(Ordering::Relaxed) {
        return Err(Failure::draining().into());
    }
    revocation_list::check_up_to_date(&edge.app)?;
    let address = visitor.presence.address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let place = edge.followers.take(address).ok_or_else(Failure::too_many_followers)?;
    let follower =
        Follower { seen: edge.app.revocations.watch(), edge, cursor, goes_on: true, _place: place };
    let events = stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let mut response = Sse::new(events).into_response();
    // nginx would keep events back until its buffer is full.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn parse(cursor: Option<&str>) -> Result<Option<Cursor>, Failure> {
    cursor.map(str::parse).transpose().map_err(|_| {
        Failure::malformed("That is no cursor. Send the `cursor` of the last piece, or none for all.")
    })
}

/// One reader of the stream.
struct Follower {
    edge: Arc<Edge>,
    seen: Receiver<Cursor>,
    cursor: Option<Cursor>,
    /// Whether the next piece is there already.
    goes_on: bool,
    _place: Place,
}

impl Follower {
    /// The next event. `None`: the server is about to stop, or cannot say what is on the list.
    async fn next(&mut self) -> Option<Event> {
        if !self.goes_on {
            self.wait().await?;
        }
        let signed = revocation_list::after(&self.edge.app, self.cursor);
        let signed = signed.inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "a follower of revocations is let go");
        });
        let signed = signed.ok()?;
        (self.cursor, self.goes_on) = (Some(signed.cursor), signed.has_more);
        Some(Event::default().event("revocations").id(signed.cursor.to_string()).data(&*signed.text))
    }

    /// Waits for something new, or for the next heartbeat. `None`: the server is about to stop.
    async fn wait(&mut self) -> Option<()> {
        tokio::time::sleep(GATHER).await;
        let mut waited = GATHER;
        while waited < HEARTBEAT && Some(*self.seen.borrow_and_update()) == self.cursor {
            if self.edge.is_draining.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::timeout(LOOK, self.seen.changed()).await.ok();
            waited += LOOK;
        }
        Some(())
    }
}
