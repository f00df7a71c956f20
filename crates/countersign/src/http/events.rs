//! The stream of session events (server-sent events).
//!
//! An event has the session's user, client, device, address and generation. It has no
//! token, secret or hash. `followers` describes how a client reads and resumes a stream.
//! A client that resumes after its next event was dropped first receives a `gap` event. A
//! client that reads too slowly is disconnected, and can resume after its last event.

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

/// A client of the stream, which determines the events that it receives.
enum Watcher {
    /// Receives all events as long as this access token is accepted.
    Administrator(Secret<String>),
    /// Receives the events of this client's sessions.
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
    Ok(watch(edge, &visitor, watcher, after.resumed(&headers)?)?)
}

/// `GET /v1/lab/events`: the events of the lab's sessions.
pub(super) async fn of_lab(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let watcher = Watcher::Lab(lab::of(&edge.app)?.client.clone());
    Ok(watch(edge, &visitor, watcher, after.resumed(&headers)?)?)
}

fn watch(
    edge: Arc<Edge>,
    visitor: &Visitor,
    watcher: Watcher,
    cursor: Option<Cursor>,
) -> Result<Response, Failure> {
    let following = Following::begin(edge.clone(), &edge.watchers, visitor, edge.app.events.watch())?;
    let watching = Watching { following, watcher, cursor, may_miss: None, waiting: VecDeque::new() };
    Ok(followers::stream(stream::unfold(watching, |mut watching| async {
        let event = watching.next().await?;
        Some((event, watching))
    })))
}

/// A connection of a watcher.
struct Watching {
    following: Following<u64>,
    watcher: Watcher,
    cursor: Option<Cursor>,
    /// The reader may miss events up to this number: they are older than its connection, or a `gap` event
    /// announced that they are missing. `None`: the server has not sent anything yet.
    may_miss: Option<u64>,
    /// Events that were read from the log and not sent yet.
    waiting: VecDeque<Arc<Event>>,
}

impl Watching {
    /// The next event. `None`: the server is shutting down, the access token is not accepted any more, or the
    /// reader is too slow.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                let cursor = self.following.edge.app.events.cursor_after(&event);
                self.cursor = Some(cursor);
                if self.may_see(&event) {
                    return Some(framed(name(&event), cursor, &body(&event)));
                }
                continue;
            }
            if !self.is_allowed().await {
                return None;
            }
            let read = self.following.edge.app.events.after(self.cursor);
            let is_first_visit = self.cursor.replace(read.start).is_none();
            match self.may_miss {
                // The reader is too slow: the log has dropped events that it has not read.
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

    /// Whether the watcher's access token is still accepted. It is not after the administrator has signed
    /// out.
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

fn framed(name: &str, cursor: Cursor, body: &Value) -> sse::Event {
    sse::Event::default().event(name).id(cursor.to_string()).data(body.to_string())
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
