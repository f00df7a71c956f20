//! What was taken back within one life of an access token, kept at hand.
//!
//! Verifiers that follow the list ask for what came after their cursor. Entries
//! are read from the store, where commands and other processes note theirs too,
//! ten times a second and after each revocation of this process, and forgotten when no token issued before them can be
//! live. An entry takes about 100 bytes: a million revocations an hour, with
//! access tokens of 15 minutes, are 30 MB.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use countersign_core::revocation::{Revocation, RevokedIndex, TokenLife};
use countersign_core::store::{Store, StoreError};
use countersign_core::{Timestamp, World};
use countersign_token::AccessTokenClaims;
use tokio::sync::{Mutex, watch};

use super::cursor::Cursor;

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// After so long without an answer of the store the list is not served any more: it could lack something.
const STALE: Duration = Duration::from_secs(5);

/// A verifier's clock may be a minute behind, the longest leeway that there is, in which it takes expired tokens; and
/// a refresh that was under way when its session was revoked may have been answered half a minute later.
const LEEWAY: Duration = Duration::from_secs(90);

/// The list, as far as it is still of use.
pub struct RevocationWindow {
    life: TokenLife,
    read: RwLock<Read>,
    /// One request at a time reads on in the store, so that no entry is taken twice.
    reading: Mutex<()>,
    /// The last entry, once all were read.
    newest: watch::Sender<Cursor>,
    /// When the store last said that there is none after it, in seconds.
    as_of: AtomicU64,
}

/// What was read from the store.
#[derive(Default)]
struct Read {
    /// In the order of their numbers.
    entries: VecDeque<Revocation>,
    /// The same, by session and owner.
    index: RevokedIndex,
    /// Up to here, whether or not that entry is still of use.
    up_to: Cursor,
}

/// Some entries in order.
#[derive(Debug)]
pub struct RevocationPage {
    /// What they come after; `None` if they are the oldest ones.
    pub after: Option<Cursor>,
    /// The entries.
    pub entries: Vec<Revocation>,
    /// The last one's cursor.
    pub cursor: Cursor,
    /// Whether there are more.
    pub has_more: bool,
}

impl RevocationWindow {
    /// A list of which nothing was read yet, for tokens of some life.
    pub fn new(life: TokenLife) -> Self {
        let newest = watch::Sender::new(Cursor::default());
        Self { life, read: RwLock::default(), reading: Mutex::default(), newest, as_of: AtomicU64::new(0) }
    }

    /// Whether the store has answered lately.
    pub fn is_up_to_date(&self, now: Timestamp) -> bool {
        let as_of = Timestamp::from_seconds(self.as_of.load(Ordering::Relaxed));
        now.since(as_of).is_some_and(|age| age <= STALE)
    }

    /// Whether the list names the session that verified claims are of.
    pub fn names(&self, claims: &AccessTokenClaims) -> bool {
        let parsed = (claims.sid.parse(), claims.sub.parse(), claims.client_id.parse());
        let (Ok(session), Ok(user), Ok(client)) = parsed else { return false };
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.index.contains(session, &user, &client)
    }

    /// The last entry's cursor, and how to wait for the next.
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.newest.subscribe()
    }

    /// At most 1,000 entries after a cursor, from the oldest one on if the cursor is not of this list.
    pub fn after(&self, cursor: Option<Cursor>) -> RevocationPage {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        let entries = &read.entries;
        let from = |cursor: &Cursor| {
            let place = entries.binary_search_by_key(&cursor.number, |entry| entry.number).ok()?;
            (cursor_of(&entries[place]) == *cursor).then_some(place + 1)
        };
        let newest = *self.newest.borrow();
        // Who has seen all of a list whose entries were forgotten since has missed nothing.
        let after = cursor.filter(|cursor| *cursor == newest || from(cursor).is_some());
        let start = match &after {
            None => 0,
            Some(cursor) => from(cursor).unwrap_or(entries.len()),
        };
        let some: Vec<_> = entries.range(start..).take(PAGE as usize).cloned().collect();
        let has_more = start + some.len() < entries.len();
        let cursor = some.last().map_or(newest, cursor_of);
        RevocationPage { after, entries: some, cursor, has_more }
    }

    /// Reads what the store has noted since, and forgets what is of no use any more.
    ///
    /// # Errors
    ///
    /// When the store fails; what was read stays read, and the next time goes on behind it.
    pub async fn catch_up(&self, store: &dyn Store, world: &World) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        loop {
            let now = world.now();
            let some = store.revocations(self.up_to().number, PAGE).await?;
            let is_all = some.len() < PAGE as usize;
            if let Some(number) = self.take(some, now)
                && let Err(error) = store.forget_revocations(number).await
            {
                // It is of no use here either way, and will be read and forgotten after the next start.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old revocations could not be removed"
                );
            }
            if is_all {
                let cursor = self.up_to();
                self.as_of.store(now.seconds(), Ordering::Relaxed);
                self.newest.send_if_modified(|newest| std::mem::replace(newest, cursor) != cursor);
                return Ok(());
            }
        }
    }

    /// When the last access token that was issued before a revocation has expired, by any clock.
    pub fn expires_at(&self, entry: &Revocation) -> Timestamp {
        self.life.over_at(entry.at).plus(LEEWAY)
    }

    fn up_to(&self) -> Cursor {
        self.read.read().unwrap_or_else(PoisonError::into_inner).up_to
    }

    /// Takes entries in and drops those that are of no use any more; answers the number of the last of these.
    fn take(&self, some: Vec<Revocation>, now: Timestamp) -> Option<u64> {
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        read.up_to = some.last().map_or(read.up_to, cursor_of);
        some.iter().for_each(|entry| read.index.add(entry));
        read.entries.extend(some);
        let over = read.entries.iter().take_while(|entry| self.expires_at(entry) <= now).count();
        let forgotten: Vec<_> = read.entries.drain(..over).collect();
        forgotten.iter().for_each(|entry| read.index.remove(entry));
        forgotten.last().map(|last| last.number)
    }
}

/// The place after an entry: the session that it names has 48 random bits of its own.
pub(super) fn cursor_of(entry: &Revocation) -> Cursor {
    let named = entry.of.named();
    let mark = named.as_bytes()[10..].try_into().expect("a session id has 16 bytes");
    Cursor { number: entry.number, mark }
}
