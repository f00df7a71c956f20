//! What happened to sessions lately, for those who watch.
//!
//! The newest events of this process are kept in memory, a bounded number of
//! them: a session's story is in its one row, and a table of events would grow
//! with every refresh. Openings and refreshes are noted by the flow
//! that did them, revocations when they appear on the list that all processes
//! share, so that each is told once, whoever ended the session.

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

/// Sessions whose expiry is known to be told.
const EXPIRIES: usize = 1024;

/// Events that are read at a time.
const PAGE: usize = 64;

/// The newest events.
pub struct EventLog {
    /// Tells this process's events from those of others.
    mark: [u8; 6],
    world: World,
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    events: EventRings,
    /// How many there have been.
    count: u64,
    /// How far the list of revocations was followed. `None`: not yet.
    listed: Option<Cursor>,
    /// Sessions whose expiry was told, each at the place that its id gives it.
    expired: HashMap<usize, SessionId>,
}

/// Some events in order.
#[derive(Debug)]
pub struct Events {
    /// The place before them: the one asked for, or the beginning if that is none of this process's.
    pub start: Cursor,
    /// The events.
    pub events: Vec<Arc<Event>>,
    /// Up to this number, events are gone that somebody at the cursor asked for has not seen. 0: none.
    pub lost: u64,
    /// The number of the newest event that there is.
    pub newest: u64,
}

impl EventLog {
    /// An empty log.
    pub fn new(world: World) -> Self {
        let mark = world.random();
        Self { mark, world, kept: Mutex::default(), newest: watch::Sender::new(0) }
    }

    /// How to wait for the next event; its number.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Notes what happened.
    pub fn note(&self, of: Subject, change: Change, by: Option<Presence>) {
        let at_millis = self.world.now_millis();
        let mut kept = self.kept();
        kept.count += 1;
        let number = kept.count;
        kept.events.push(Event { number, at_millis, of, change, by });
        drop(kept);
        self.newest.send_if_modified(|newest| std::mem::replace(newest, (*newest).max(number)) < number);
    }

    /// Notes that a session's end was noticed. Its token may be presented for ever, so that is told once, or
    /// seldom if there are very many.
    pub fn note_expiry(&self, session: &Session, by: &Presence) {
        let [.., high, low] = *session.id.as_bytes();
        let place = usize::from(u16::from_be_bytes([high, low])) % EXPIRIES;
        let before = self.kept().expired.insert(place, session.id);
        if before != Some(session.id) {
            self.note(Subject::of(session), Change::Expired, Some(by.clone()));
        }
    }

    /// At most 64 events after a cursor; from the oldest one on if there is none, or it is of another process.
    pub fn after(&self, cursor: Option<Cursor>) -> Events {
        let kept = self.kept();
        let known = cursor.filter(|cursor| cursor.mark == self.mark && cursor.number <= kept.count);
        let start = known.map_or(0, |cursor| cursor.number);
        let lost = match (cursor, known) {
            (Some(_), None) => kept.count.max(1),
            _ => Some(kept.events.lost()).filter(|lost| *lost > start).unwrap_or_default(),
        };
        let (events, newest) = (kept.events.after(start, PAGE), kept.count);
        Events { start: Cursor { number: start, mark: self.mark }, events, lost, newest }
    }

    /// The place after an event.
    pub const fn place_after(&self, event: &Event) -> Cursor {
        Cursor { number: event.number, mark: self.mark }
    }

    /// Notes what has come onto the list of revocations since the last time. What is on it at the first time is
    /// no news.
    ///
    /// # Errors
    ///
    /// When the store fails; the next time goes on behind what was noted.
    pub async fn note_revocations(
        &self,
        revocations: &RevocationWindow,
        store: &dyn Store,
    ) -> Result<(), StoreError> {
        let newest = *revocations.watch().borrow();
        let Some(mut listed) = self.kept().listed.replace(newest) else { return Ok(()) };
        while listed != newest {
            let page = revocations.after(Some(listed));
            for entry in &page.entries {
                let noted = self.note_revocation(store, entry).await;
                noted.inspect_err(|_| self.kept().listed = Some(listed))?;
                listed = cursor_of(entry);
            }
            if !page.has_more {
                break;
            }
        }
        self.kept().listed = Some(listed);
        Ok(())
    }

    async fn note_revocation(&self, store: &dyn Store, entry: &Revocation) -> Result<(), StoreError> {
        match &entry.of {
            RevokedSessions::UpTo { whose, .. } => {
                self.note(Subject::All(whose.clone()), Change::AllRevoked, None);
            }
            RevokedSessions::One(id) => {
                // A row that was swept meanwhile is no news either.
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

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
