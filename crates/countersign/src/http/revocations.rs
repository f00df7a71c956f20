//! The revocation list: signed pages, and a stream of new pages.
//!
//! Each event of the stream is a signed page. `followers` describes how a client reads
//! and resumes the stream.

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

/// The media type of a page.
const MEDIA_TYPE: &str = "application/revocations+jwt";

/// `GET /revocations?after=`: the first page of the list, or the page after the cursor.
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let signed = revocation_list::after(&edge.app, after.cursor()?)?;
    // The tag has the time of the signature, so a client never keeps an expired page because of a 304.
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

/// `GET /revocations/stream`: pages as sessions are revoked.
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
    let follower = Follower { following, cursor, has_more: true };
    Ok(followers::stream(stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((event, follower))
    })))
}

/// A client that follows the stream.
struct Follower {
    following: Following<Cursor>,
    cursor: Option<Cursor>,
    /// Whether the next page is available already.
    has_more: bool,
}

impl Follower {
    /// The next event. `None`: the server is shutting down, or the list cannot be served.
    async fn next(&mut self) -> Option<Event> {
        if !self.has_more {
            self.following.wait(|newest| Some(*newest) == self.cursor).await?;
        }
        let signed = revocation_list::after(&self.following.edge.app, self.cursor);
        let signed = signed.inspect_err(|error| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "a follower of the revocation stream was disconnected"
            );
        });
        let signed = signed.ok()?;
        (self.cursor, self.has_more) = (Some(signed.cursor), signed.has_more);
        Some(Event::default().event("revocations").id(signed.cursor.to_string()).data(&*signed.text))
    }
}
