//! The list of what was taken back: at once, what came since, or as it comes.
//!
//! Each event of the stream is a signed piece of the list; `followers` says how
//! it is read and resumed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::Edge;
use super::error::Problem;
use super::extract::Query;
use super::followers::{self, After, Following};
use crate::flows::revocation_list;
use crate::services::cursor::Cursor;
use crate::visitor::Visitor;

/// The media type of a piece.
const MEDIA_TYPE: &str = "application/revocations+jwt";

/// A piece of the list: the first one, or the one after `after`.
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let signed = revocation_list::after(&edge.app, after.cursor()?)?;
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
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cursor = after.resumed(&headers)?;
    revocation_list::check_up_to_date(&edge.app)?;
    let seen = edge.app.revocations.watch();
    let following = Following::begin(edge.clone(), &edge.followers, &visitor, seen)?;
    let follower = Follower { following, cursor, goes_on: true };
    Ok(followers::stream(stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((event, follower))
    })))
}

/// One reader of the stream.
struct Follower {
    following: Following<Cursor>,
    cursor: Option<Cursor>,
    /// Whether the next piece is there already.
    goes_on: bool,
}

impl Follower {
    /// The next event. `None`: the server is about to stop, or cannot say what is on the list.
    async fn next(&mut self) -> Option<Event> {
        if !self.goes_on {
            self.following.wait(|newest| Some(*newest) == self.cursor).await?;
        }
        let signed = revocation_list::after(&self.following.edge.app, self.cursor);
        let signed = signed.inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "a follower of revocations is let go");
        });
        let signed = signed.ok()?;
        (self.cursor, self.goes_on) = (Some(signed.cursor), signed.has_more);
        Some(Event::default().event("revocations").id(signed.cursor.to_string()).data(&*signed.text))
    }
}
