//! What happens to sessions, as it happens: a stream of server-sent events.
//!
//! An event says who, where and which generation; no token, secret or hash is
//! in any. `followers` says how a stream is read and resumed. Whoever has been
//! away for longer than events are kept hears of a `gap` first; whoever reads
//! too slowly is let go, with the last id to go on from.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Response, sse};
use countersign_core::issuer::ADMIN_SCOPE;
use countersign_core::refresh::Advance;
use countersign_core::session::{RevokedReason, Whose};
use countersign_core::{ClientId, Secret};
use futures_util::stream;
use serde_json::{Value, json};

use super::Edge;
use super::error::{Failure, Problem};
use super::extract::{Query, bearer};
use super::followers::{self, After, Following};
use crate::flows::{authorize, lab};
use crate::services::cursor::Cursor;
use crate::services::event_log::{Change, Event, Subject};
use crate::time_text;
use crate::visitor::Visitor;

/// Who watches, and what they may see.
enum Watcher {
    /// Everything, for as long as this access token opens it.
    Administrator(Secret<String>),
    /// What happens to sessions of this client.
    Lab(ClientId),
}

/// `GET /v1/admin/events`.
pub(super) async fn all(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token = bearer(&headers)?;
    authorize::caller(&edge.app, token, ADMIN_SCOPE).await?;
    let watcher = Watcher::Administrator(Secret::new(token.to_owned()));
    Ok(watch(edge, (&visitor, watcher), after.resumed(&headers)?)?)
}

/// `GET /v1/lab/events`: those of the lab's own sessions.
pub(super) async fn of_lab(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let watcher = Watcher::Lab(lab::of(&edge.app)?.client.clone());
    Ok(watch(edge, (&visitor, watcher), after.resumed(&headers)?)?)
}

fn watch(
    edge: Arc<Edge>,
    (visitor, watcher): (&Visitor, Watcher),
    cursor: Option<Cursor>,
) -> Result<Response, Failure> {
    let following = Following::begin(edge.clone(), &edge.watchers, visitor, edge.app.events.watch())?;
    let watching = Watching { following, watcher, cursor, may_miss: None, waiting: VecDeque::new() };
    Ok(followers::stream(stream::unfold(watching, |mut watching| async {
        let event = watching.next().await?;
        Some((event, watching))
    })))
}

/// One reader.
struct Watching {
    following: Following<u64>,
    watcher: Watcher,
    cursor: Option<Cursor>,
    /// Up to this number the reader does not count on events: it was not here, and knows. `None`: it has not begun.
    may_miss: Option<u64>,
    /// What was read and not sent yet.
    waiting: VecDeque<Arc<Event>>,
}

impl Watching {
    /// The next event. `None`: the server is about to stop, the reader may not watch any more or is too slow.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                let place = self.following.edge.app.events.cursor_after(&event);
                self.cursor = Some(place);
                if self.may_see(&event) {
                    return Some(framed(name(&event), place, &body(&event)));
                }
                continue;
            }
            if !self.is_allowed().await {
                return None;
            }
            let read = self.following.edge.app.events.after(self.cursor);
            let is_first_visit = self.cursor.replace(read.start).is_none();
            match self.may_miss {
                // Too slow: what it has not read is gone by now.
                Some(number) if read.lost > number => return None,
                Some(_) => {}
                None if read.lost > 0 && !is_first_visit => {
                    self.may_miss = Some(read.newest);
                    return Some(framed("gap", read.start, &json!({"event": "gap"})));
                }
                None => self.may_miss = Some(if is_first_visit { read.newest } else { 0 }),
            }
            self.waiting = read.events.into();
            if self.waiting.is_empty() {
                let known = read.start.number;
                if !self.following.wait(|newest| *newest <= known).await? {
                    return Some(sse::Event::default().comment("nothing new"));
                }
            }
        }
    }

    /// Whether the reader may still watch: an administrator who has signed out may not.
    async fn is_allowed(&self) -> bool {
        match &self.watcher {
            Watcher::Lab(_) => true,
            Watcher::Administrator(token) => {
                authorize::caller(&self.following.edge.app, token.expose(), ADMIN_SCOPE).await.is_ok()
            }
        }
    }

    fn may_see(&self, event: &Event) -> bool {
        match &self.watcher {
            Watcher::Administrator(_) => true,
            Watcher::Lab(client) => event.of.is_of(client),
        }
    }
}

fn framed(name: &str, place: Cursor, body: &Value) -> sse::Event {
    sse::Event::default().event(name).id(place.to_string()).data(body.to_string())
}

const fn name(event: &Event) -> &'static str {
    match event.change {
        Change::Opened => "opened",
        Change::Moved { how: Advance::Rotate, .. } => "rotated",
        Change::Moved { how: Advance::Recover, .. } => "recovered",
        Change::Moved { how: Advance::CatchUp, .. } => "caught_up",
        Change::Replayed { .. } => "replayed",
        Change::Expired => "expired",
        Change::Revoked { reason: RevokedReason::Reuse, .. } => "reused",
        Change::Revoked { .. } | Change::AllRevoked => "revoked",
    }
}

fn body(event: &Event) -> Value {
    let mut body = json!({"event": name(event), "at": time_text::rfc3339_millis(event.at_millis)});
    match &event.of {
        Subject::Session { id, user, client } => {
            body["session_id"] = id.to_string().into();
            body["user"] = user.as_str().into();
            body["client_id"] = client.as_str().into();
        }
        Subject::All(Whose::User(user)) => body["user"] = user.as_str().into(),
        Subject::All(Whose::Client(client)) => body["client_id"] = client.as_str().into(),
        Subject::All(Whose::Everyone) => body["everyone"] = true.into(),
    }
    let (presented, generation) = match event.change {
        Change::Opened => (None, Some(0)),
        Change::Moved { presented, generation, .. } | Change::Replayed { presented, generation } => {
            (Some(presented), Some(generation))
        }
        Change::Revoked { presented, generation, .. } => (presented, Some(generation)),
        Change::Expired | Change::AllRevoked => (None, None),
    };
    body["presented"] = presented.into();
    body["generation"] = generation.into();
    if let Change::Revoked { reason, .. } = event.change {
        body["reason"] = reason.as_str().into();
    }
    if let Some(by) = &event.by {
        body["device"] = by.device.as_str().into();
        body["address"] = by.address.map(|address| address.to_string()).into();
    }
    body
}
