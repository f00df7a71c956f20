//! The event log: recent changes of sessions, for the readers of the event stream.
//!
//! A process keeps a bounded number of its newest events in memory. A table of events would grow with every refresh,
//! and the part of a session's history that must last is in its row. A flow adds an event when it opens or refreshes a
//! session. Revocations are added when they appear on the revocation list, which all processes share, so that each
//! revocation is reported once, no matter which process revoked the session.

mod event;
mod ring;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::revocation::{Revocation, RevokedSessions};
use countersign_core::session::{Presence, Session, SessionState};
use countersign_core::store::{Store, StoreError};
use countersign_core::{SessionId, World};
use tokio::sync::watch;

use self::ring::EventRings;
use super::cursor::Cursor;
use super::revocation_window::{RevocationWindow, cursor_of};
pub use event::{Change, Event, Subject};

/// The number of sessions whose reported expiry is remembered.
const EXPIRIES: usize = 1024;

/// The largest number of events in a page.
const PAGE: usize = 64;

/// The newest events of this process.
pub struct EventLog {
    /// Distinguishes the cursors of this process from those of others.
    mark: [u8; 6],
    world: World,
    state: Mutex<State>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    events: EventRings,
    /// The number of events so far, which is the number of the newest event.
    count: u64,
    /// The position in the revocation list up to which revocations were added; `None` before the first reading.
    listed: Option<Cursor>,
    /// Sessions whose expiry was reported. The last bytes of a session's id determine its key.
    expired: HashMap<usize, SessionId>,
}

/// A page of events, in order.
#[derive(Debug)]
pub struct Events {
    /// The cursor before the page: the requested one, or the beginning if the requested one is not from this process.
    pub start: Cursor,
    pub events: Vec<Arc<Event>>,
    /// Events after the requested cursor and up to this number were lost. 0 if none was lost.
    pub lost: u64,
    /// The number of the newest event in the log.
    pub newest: u64,
}

impl EventLog {
    /// Creates an empty log with a random mark.
    pub fn new(world: World) -> Self {
        let mark = world.random();
        Self { mark, world, state: Mutex::default(), newest: watch::Sender::new(0) }
    }

    /// Returns a channel with the number of the newest event.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Adds an event.
    pub fn note(&self, of: Subject, change: Change, by: Option<Presence>) {
        let at_millis = self.world.now_millis();
        let mut state = self.state();
        state.count += 1;
        let number = state.count;
        state.events.push(Event { number, at_millis, of, change, by });
        drop(state);
        self.newest.send_if_modified(|newest| std::mem::replace(newest, (*newest).max(number)) < number);
    }

    /// Adds an event for an expired session of which a token was presented. A client may present such a token again
    /// and again, so the expiry of a session is reported once. It may be reported again if many sessions expire.
    pub fn note_expiry(&self, session: &Session, by: &Presence) {
        let [.., high, low] = *session.id.as_bytes();
        let index = usize::from(u16::from_be_bytes([high, low])) % EXPIRIES;
        let before = self.state().expired.insert(index, session.id);
        if before != Some(session.id) {
            self.note(Subject::of(session), Change::Expired, Some(by.clone()));
        }
    }

    /// Returns at most 64 events after a cursor. Without a cursor, or with a cursor of another process, the page begins
    /// with the oldest event.
    pub fn after(&self, cursor: Option<Cursor>) -> Events {
        let state = self.state();
        let known = cursor.filter(|cursor| cursor.mark == self.mark && cursor.number <= state.count);
        let start = known.map_or(0, |cursor| cursor.number);
        let lost = match (cursor, known) {
            (Some(_), None) => state.count.max(1),
            _ => Some(state.events.lost()).filter(|lost| *lost > start).unwrap_or_default(),
        };
        let (events, newest) = (state.events.after(start, PAGE), state.count);
        Events { start: Cursor { number: start, mark: self.mark }, events, lost, newest }
    }

    /// The cursor after an event.
    pub const fn cursor_after(&self, event: &Event) -> Cursor {
        Cursor { number: event.number, mark: self.mark }
    }

    /// Adds events for the entries of the revocation list that are new since the last call. The first call adds no
    /// events.
    ///
    /// # Errors
    ///
    /// If the store fails. The next call continues after the last entry that was added.
    pub async fn note_revocations(
        &self,
        revocations: &RevocationWindow,
        store: &dyn Store,
    ) -> Result<(), StoreError> {
        let newest = *revocations.watch().borrow();
        let Some(mut listed) = self.state().listed.replace(newest) else { return Ok(()) };
        while listed != newest {
            let page = revocations.after(Some(listed));
            for entry in &page.entries {
                let noted = self.note_revocation(store, entry).await;
                noted.inspect_err(|_| self.state().listed = Some(listed))?;
                listed = cursor_of(entry);
            }
            if !page.has_more {
                break;
            }
        }
        self.state().listed = Some(listed);
        Ok(())
    }

    async fn note_revocation(&self, store: &dyn Store, entry: &Revocation) -> Result<(), StoreError> {
        match &entry.of {
            RevokedSessions::UpTo { whose, .. } => {
                self.note(Subject::All(whose.clone()), Change::AllRevoked, None);
            }
            RevokedSessions::One(id) => {
                // If the row was swept in the meantime, its events are no longer of interest.
                let Some(row) = store.session(*id).await? else { return Ok(()) };
                if let SessionState::Revoked(how) = &row.session.state {
                    let (reason, presented) = (how.reason, how.presented);
                    let generation = row.session.ratchet.generation;
                    let change = Change::Revoked { reason, presented, generation };
                    self.note(Subject::of(&row.session), change, Some(how.by.clone()));
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
