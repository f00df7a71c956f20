//! The revocation list of an issuer: the revoked sessions whose access tokens may still be unexpired.
//!
//! This module has no I/O and no clock: callers add verified pages and look up sessions. A session takes
//! about 50 bytes. With a million revocations an hour and tokens of 15 minutes, the list has 270,000 entries,
//! measured at 14 MB. The maximum of a million entries was measured at 47 MB. Expired entries are dropped by
//! the issuer's time in the pages, so that a wrong clock of the API does not drop entries too early.

mod coverage;
mod feed;
mod page;
mod session_id;

use std::collections::HashMap;
use std::time::Duration;

use countersign_token::{AccessTokenClaims, Timestamp};

#[cfg(feature = "fetch")]
pub(crate) use feed::Following;
pub use feed::{RevocationFeed, WhenStale};
pub use page::{PageError, RevocationPage};

use coverage::{Coverage, Expiry};
use page::{Entry, Target};
use session_id::SessionId;

/// The revoked sessions of one issuer, from the pages that were applied.
#[derive(Debug, Default)]
pub struct Revocations {
    sessions: HashMap<SessionId, Expiry>,
    everyone: Coverage,
    users: HashMap<Box<str>, Coverage>,
    clients: HashMap<Box<str>, Coverage>,
    /// The position after the last page. `None` means that the list must be read from its beginning.
    cursor: Option<String>,
    /// The last time at which the list was complete.
    as_of: Option<Timestamp>,
    /// The latest time at which the issuer signed a page.
    issuer_time: Timestamp,
    swept_at: Timestamp,
}

/// A page could not be applied. The list must be read again from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// At fault: a proxy between the issuer and the API, which withheld a page or sent it twice.
    #[error("the page does not follow the previous one")]
    Gap,
    /// At fault: the issuer, which has more revocations than an API keeps in memory. The list is incomplete,
    /// and counts as outdated, until enough entries have expired.
    #[error("the revocation list has more than a million entries")]
    TooMany,
}

/// They take 47 MB.
const MOST_ENTRIES: usize = 1_000_000;

/// How often expired entries are dropped. A pass over 270,000 entries takes four milliseconds, in which
/// verifiers wait for the lock.
const SWEEP: Duration = Duration::from_secs(60);

/// How far the clocks of the issuer and the API may differ.
pub(crate) const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);

impl Revocations {
    /// Creates an empty list that was not read yet; see [`Revocations::as_of`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the entries of a page. `arrived` is the time of its arrival, by the clock of the API.
    ///
    /// # Errors
    ///
    /// - [`ApplyError::Gap`] if the page does not follow the last one.
    /// - [`ApplyError::TooMany`] if the list would have more than a million entries.
    pub fn apply(&mut self, page: RevocationPage, arrived: Timestamp) -> Result<(), ApplyError> {
        let cursor = self.cursor.take();
        self.apply_after(cursor.as_deref(), page, arrived)
    }

    /// Like [`Revocations::apply`], for several readers that each have their own `cursor`. All entries up to
    /// `cursor` must have been added before.
    pub(crate) fn apply_after(
        &mut self,
        cursor: Option<&str>,
        page: RevocationPage,
        arrived: Timestamp,
    ) -> Result<(), ApplyError> {
        if page.after.is_some() && page.after.as_deref() != cursor {
            self.cursor = None;
            return Err(ApplyError::Gap);
        }
        self.issuer_time = self.issuer_time.max(page.issued_at);
        if self.issuer_time >= self.swept_at.plus(SWEEP) {
            self.sweep();
        }
        for entry in page.entries {
            self.add(entry)?;
        }
        self.cursor = Some(page.cursor);
        if !page.has_more {
            // A page that was delayed on the way describes the list at the time of its signature, not of its
            // arrival.
            let complete_at = arrived.min(page.issued_at.plus(CLOCK_DIFFERENCE));
            self.as_of = self.as_of.max(Some(complete_at));
        }
        Ok(())
    }

    /// Whether the token's session was revoked. A `sid` that is not a UUID in canonical form counts as
    /// revoked, because no entry could name it.
    pub fn covers(&self, claims: &AccessTokenClaims) -> bool {
        let Some(session) = SessionId::parse(&claims.sid) else { return true };
        let covers = |coverage: &Coverage| coverage.covers(session);
        self.sessions.contains_key(&session)
            || covers(&self.everyone)
            || self.users.get(claims.sub.as_str()).is_some_and(covers)
            || self.clients.get(claims.client_id.as_str()).is_some_and(covers)
    }

    /// The last time at which the list was complete, by the clock of the API, or `None` if it was never read
    /// to its end.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// The position after the last page, to request the next one. `None` means that the list must be read
    /// from its beginning.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Makes the reader start from the beginning of the list. The known entries are kept.
    #[cfg(feature = "fetch")]
    pub(crate) fn reset_cursor(&mut self) {
        self.cursor = None;
    }

    /// The number of entries, at most a million.
    pub fn len(&self) -> usize {
        let many = |map: &HashMap<Box<str>, Coverage>| map.values().map(Coverage::len).sum::<usize>();
        self.sessions.len() + self.everyone.len() + many(&self.users) + many(&self.clients)
    }

    /// Whether the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, entry: Entry) -> Result<(), ApplyError> {
        if entry.expires.is_over(self.issuer_time) {
            return Ok(());
        }
        // Nearly all entries are of one session. The others are counted only for an entry that is not.
        if self.sessions.len() >= MOST_ENTRIES || (!entry.is_of_one_session() && self.len() >= MOST_ENTRIES) {
            self.sweep();
            if self.len() >= MOST_ENTRIES {
                self.cursor = None;
                return Err(ApplyError::TooMany);
            }
        }
        match entry.target {
            Target::Session(session) => {
                let known = self.sessions.entry(session).or_insert(entry.expires);
                *known = entry.expires.max(*known);
            }
            Target::Everyone(span) => self.everyone.add(span, entry.expires),
            Target::User(sub, span) => self.users.entry(sub).or_default().add(span, entry.expires),
            Target::Client(id, span) => self.clients.entry(id).or_default().add(span, entry.expires),
        }
        Ok(())
    }

    fn sweep(&mut self) {
        let now = self.issuer_time;
        self.swept_at = now;
        self.sessions.retain(|_, expires| !expires.is_over(now));
        self.everyone.sweep(now);
        for owners in [&mut self.users, &mut self.clients] {
            owners.values_mut().for_each(|coverage| coverage.sweep(now));
            owners.retain(|_, coverage| coverage.len() > 0);
        }
        if self.sessions.capacity() / 4 > self.sessions.len() {
            self.sessions.shrink_to(self.sessions.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests;
