//! Which sessions of an issuer were revoked while access tokens of theirs may still be live.
//!
//! A list of facts without input, output or clock: verified pieces go in, answers come out. A session takes about
//! 50 bytes: the 270,000 that a million revocations an hour leave behind, with tokens of a quarter of an hour, were
//! measured at 14 MB, and a million, which is the most there ever are, at 47 MB. Entries are dropped by the issuer's
//! time, which the pieces carry, so that a wrong clock of ours forgets nothing too early.

mod coverage;
mod feed;
mod piece;
mod session_id;

use std::collections::HashMap;
use std::time::Duration;

use countersign_token::{AccessTokenClaims, Timestamp};

#[cfg(feature = "fetch")]
pub(crate) use feed::Following;
pub use feed::{RevocationFeed, WhenStale};
pub use piece::{PieceError, RevocationPiece};

use coverage::{Coverage, Expiry};
use piece::{Entry, Whose};
use session_id::SessionId;

/// What was revoked, as far as the pieces tell that were applied.
#[derive(Debug, Default)]
pub struct Revocations {
    sessions: HashMap<SessionId, Expiry>,
    everyone: Coverage,
    users: HashMap<Box<str>, Coverage>,
    clients: HashMap<Box<str>, Coverage>,
    /// Where the list goes on; `None`: it is to be read from its beginning.
    cursor: Option<String>,
    /// At this moment nothing was missing.
    as_of: Option<Timestamp>,
    /// The latest time that the issuer has told.
    issuer_time: Timestamp,
    swept_at: Timestamp,
}

/// A piece cannot be applied. The list must be read again from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// At fault: something on the way, which held a piece back or sent one twice.
    #[error("the piece does not follow the one before it")]
    Gap,
    /// At fault: more revocations than an API can keep in mind. Until some have expired the list is not complete
    /// and counts as stale.
    #[error("more than a million sessions are revoked")]
    TooMany,
}

/// 47 MB.
const MOST_ENTRIES: usize = 1_000_000;

/// How often entries that are of no use any more are looked for. A pass over 270,000 takes four milliseconds, and
/// who verifies a token waits for it.
const SWEEP: Duration = Duration::from_secs(60);

/// How far the issuer's clock may be ahead of ours, or behind.
pub(crate) const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);

impl Revocations {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a piece lists. `arrived` is when it did, by our clock.
    ///
    /// # Errors
    ///
    /// When the piece does not follow the last one, or there are too many entries.
    pub fn apply(&mut self, piece: RevocationPiece, arrived: Timestamp) -> Result<(), ApplyError> {
        let place = self.cursor.take();
        self.apply_after(place.as_deref(), piece, arrived)
    }

    /// As [`Revocations::apply`], for one of several readers: up to its own `place` everything was applied.
    pub(crate) fn apply_after(
        &mut self,
        place: Option<&str>,
        piece: RevocationPiece,
        arrived: Timestamp,
    ) -> Result<(), ApplyError> {
        if piece.after.is_some() && piece.after.as_deref() != place {
            self.cursor = None;
            return Err(ApplyError::Gap);
        }
        self.issuer_time = self.issuer_time.max(piece.issued_at);
        if self.issuer_time >= self.swept_at.plus(SWEEP) {
            self.sweep();
        }
        for entry in piece.entries {
            self.add(entry)?;
        }
        self.cursor = Some(piece.cursor);
        if !piece.has_more {
            // What was on its way for long is old news, whenever it arrived.
            let is_true_of = arrived.min(piece.issued_at.plus(CLOCK_DIFFERENCE));
            self.as_of = self.as_of.max(Some(is_true_of));
        }
        Ok(())
    }

    /// Whether the token's session was revoked. A session whose id cannot be compared counts as revoked: nobody
    /// could revoke it.
    pub fn covers(&self, claims: &AccessTokenClaims) -> bool {
        let Some(session) = SessionId::parse(&claims.sid) else { return true };
        let covers = |coverage: &Coverage| coverage.covers(session);
        self.sessions.contains_key(&session)
            || covers(&self.everyone)
            || self.users.get(claims.sub.as_str()).is_some_and(covers)
            || self.clients.get(claims.client_id.as_str()).is_some_and(covers)
    }

    /// At this moment nothing was missing; `None` until the list was read to its end for the first time.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Where the list goes on, to ask for what comes after; `None`: from its beginning.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Has the list read from its beginning; what is known stays known.
    #[cfg(feature = "fetch")]
    pub(crate) fn begin_anew(&mut self) {
        self.cursor = None;
    }

    /// How many entries are kept.
    pub fn len(&self) -> usize {
        let many = |map: &HashMap<Box<str>, Coverage>| map.values().map(Coverage::len).sum::<usize>();
        self.sessions.len() + self.everyone.len() + many(&self.users) + many(&self.clients)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, entry: Entry) -> Result<(), ApplyError> {
        if entry.expires.is_over(self.issuer_time) {
            return Ok(());
        }
        // Sessions are nearly all there is, and counting the others takes a walk.
        if self.sessions.len() >= MOST_ENTRIES || (!entry.is_of_one_session() && self.len() >= MOST_ENTRIES) {
            self.sweep();
            if self.len() >= MOST_ENTRIES {
                self.cursor = None;
                return Err(ApplyError::TooMany);
            }
        }
        match entry.whose {
            Whose::Session(session) => {
                let known = self.sessions.entry(session).or_insert(entry.expires);
                *known = entry.expires.max(*known);
            }
            Whose::Everyone(span) => self.everyone.add(span, entry.expires),
            Whose::User(sub, span) => self.users.entry(sub).or_default().add(span, entry.expires),
            Whose::Client(id, span) => self.clients.entry(id).or_default().add(span, entry.expires),
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
