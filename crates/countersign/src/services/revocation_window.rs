//! The revocation list in memory, for the time that a revoked access token could still be valid.
//!
//! Followers of the list request the entries after their cursor. The server reads new entries from the store ten times
//! a second and after each revocation of this process, because commands and other processes revoke sessions too. It
//! removes an entry when all access tokens that were issued before the revocation have expired. An entry takes about
//! 100 bytes: a million revocations an hour, with access tokens of 15 minutes, are 30 MB.

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

/// The largest number of entries in a page.
const PAGE: u32 = 1000;

/// The list is not served if the last successful read is older than this, because entries could be missing.
const STALE: Duration = Duration::from_secs(5);

/// Added to the lifetime of access tokens. A verifier accepts tokens up to one minute after they expire: this is the
/// largest leeway. A refresh that was in progress when its session was revoked may return a token up to 30 seconds
/// later.
const LEEWAY: Duration = Duration::from_secs(90);

/// The entries of the list that are still needed.
pub struct RevocationWindow {
    life: TokenLife,
    read: RwLock<Read>,
    /// Held while reading from the store, so that no entry is added twice.
    reading: Mutex<()>,
    /// The last entry. It changes after all new entries were read.
    newest: watch::Sender<Cursor>,
    /// When the store last returned no further entry, in seconds since the Unix epoch.
    as_of: AtomicU64,
}

#[derive(Default)]
struct Read {
    /// In the order of their numbers.
    entries: VecDeque<Revocation>,
    /// The same entries, by session and owner.
    index: RevokedIndex,
    /// The last entry that was read, even if it was removed since.
    up_to: Cursor,
}

/// A page of entries, in order.
#[derive(Debug)]
pub struct RevocationPage {
    /// The cursor before the page; `None` if the page begins with the oldest entry.
    pub after: Option<Cursor>,
    pub entries: Vec<Revocation>,
    /// The cursor of the last entry.
    pub cursor: Cursor,
    /// Whether there are entries after this page.
    pub has_more: bool,
}

impl RevocationWindow {
    /// Creates an empty list. [`Self::catch_up`] reads the entries.
    pub fn new(life: TokenLife) -> Self {
        let newest = watch::Sender::new(Cursor::default());
        Self { life, read: RwLock::default(), reading: Mutex::default(), newest, as_of: AtomicU64::new(0) }
    }

    /// Whether all entries were read within the last five seconds.
    pub fn is_up_to_date(&self, now: Timestamp) -> bool {
        let as_of = Timestamp::from_seconds(self.as_of.load(Ordering::Relaxed));
        now.since(as_of).is_some_and(|age| age <= STALE)
    }

    /// Whether the session of these verified claims is on the list.
    pub fn names(&self, claims: &AccessTokenClaims) -> bool {
        let parsed = (claims.sid.parse(), claims.sub.parse(), claims.client_id.parse());
        let (Ok(session), Ok(user), Ok(client)) = parsed else { return false };
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.index.contains(session, &user, &client)
    }

    /// Returns a channel with the cursor of the last entry.
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.newest.subscribe()
    }

    /// Returns at most 1,000 entries after a cursor. If the cursor is not from this list, the page begins with the
    /// oldest entry.
    pub fn after(&self, cursor: Option<Cursor>) -> RevocationPage {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        let entries = &read.entries;
        let from = |cursor: &Cursor| {
            let index = entries.binary_search_by_key(&cursor.number, |entry| entry.number).ok()?;
            (cursor_of(&entries[index]) == *cursor).then_some(index + 1)
        };
        let newest = *self.newest.borrow();
        // The newest cursor is valid even if its entry was removed: its follower has seen the whole list.
        let after = cursor.filter(|cursor| *cursor == newest || from(cursor).is_some());
        let start = match &after {
            None => 0,
            Some(cursor) => from(cursor).unwrap_or(entries.len()),
        };
        let page: Vec<_> = entries.range(start..).take(PAGE as usize).cloned().collect();
        let has_more = start + page.len() < entries.len();
        let cursor = page.last().map_or(newest, cursor_of);
        RevocationPage { after, entries: page, cursor, has_more }
    }

    /// Reads the new entries from the store, and removes those that are no longer needed.
    ///
    /// # Errors
    ///
    /// If the store fails. The next call continues after the last entry that was read.
    pub async fn catch_up(&self, store: &dyn Store, world: &World) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        loop {
            let now = world.now();
            let page = store.revocations(self.up_to().number, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            if let Some(number) = self.add(page, now)
                && let Err(error) = store.forget_revocations(number).await
            {
                // This process no longer has these entries. After the next start, they are read and removed again.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old entries of the revocation list could not be removed"
                );
            }
            if is_last {
                let cursor = self.up_to();
                self.as_of.store(now.seconds(), Ordering::Relaxed);
                self.newest.send_if_modified(|newest| std::mem::replace(newest, cursor) != cursor);
                return Ok(());
            }
        }
    }

    /// When every verifier rejects the access tokens that were issued before a revocation because they have expired.
    /// The time includes the largest leeway of verifiers.
    pub fn expires_at(&self, entry: &Revocation) -> Timestamp {
        self.life.over_at(entry.at).plus(LEEWAY)
    }

    fn up_to(&self) -> Cursor {
        self.read.read().unwrap_or_else(PoisonError::into_inner).up_to
    }

    /// Adds new entries and removes those that are no longer needed. Returns the number of the last removed entry.
    fn add(&self, page: Vec<Revocation>, now: Timestamp) -> Option<u64> {
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        read.up_to = page.last().map_or(read.up_to, cursor_of);
        page.iter().for_each(|entry| read.index.add(entry));
        read.entries.extend(page);
        let expired = read.entries.iter().take_while(|entry| self.expires_at(entry) <= now).count();
        let removed: Vec<_> = read.entries.drain(..expired).collect();
        removed.iter().for_each(|entry| read.index.remove(entry));
        removed.last().map(|last| last.number)
    }
}

/// The cursor after an entry. Its mark is the last 48 bits of the session id in the entry, which are random.
pub(super) fn cursor_of(entry: &Revocation) -> Cursor {
    let named = entry.of.named();
    let mark = named.as_bytes()[10..].try_into().expect("a session id has 16 bytes");
    Cursor { number: entry.number, mark }
}
