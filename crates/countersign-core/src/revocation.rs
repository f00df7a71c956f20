//! The revocation list, for APIs that verify access tokens without asking the server.
//!
//! An access token stays valid for minutes after its session was revoked, unless
//! the verifier knows of the revocation. A store adds an entry in the write that
//! revokes, with a number that is never used again. One entry covers all sessions
//! of an owner. It names the newest session and not a time: session ids are in the
//! order of time, and `iat` is too coarse for a user who signs in again within the
//! same second.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::session::Whose;
use crate::{ClientId, SessionId, Timestamp, UserId};

/// One entry of the revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// From 1. Later entries have greater numbers.
    pub number: u64,
    pub at: Timestamp,
    pub of: RevokedSessions,
}

/// The sessions that were revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedSessions {
    /// One session.
    One(SessionId),
    /// All sessions that an owner had.
    UpTo {
        /// The owner.
        whose: Whose,
        /// The newest of the sessions. A session that is opened later has a greater id.
        newest: SessionId,
        /// The session that was not revoked.
        except: Option<SessionId>,
    },
}

/// An index of revocations, for looking up one session.
#[derive(Debug, Default)]
pub struct RevokedIndex {
    sessions: HashSet<SessionId>,
    owners: HashMap<Whose, Vec<Revocation>>,
}

impl RevokedIndex {
    pub fn add(&mut self, revocation: &Revocation) {
        match &revocation.of {
            RevokedSessions::One(session) => drop(self.sessions.insert(*session)),
            RevokedSessions::UpTo { whose, .. } => {
                self.owners.entry(whose.clone()).or_default().push(revocation.clone());
            }
        }
    }

    /// Removes an entry that was added before.
    pub fn remove(&mut self, revocation: &Revocation) {
        match &revocation.of {
            // A session is revoked only once, so no other entry names it.
            RevokedSessions::One(session) => drop(self.sessions.remove(session)),
            RevokedSessions::UpTo { whose, .. } => {
                let Some(theirs) = self.owners.get_mut(whose) else { return };
                theirs.retain(|known| known.number != revocation.number);
                if theirs.is_empty() {
                    self.owners.remove(whose);
                }
            }
        }
    }

    /// Whether a session of this user and client was revoked.
    pub fn contains(&self, session: SessionId, user: &UserId, client: &ClientId) -> bool {
        let owners = [Whose::Everyone, Whose::User(user.clone()), Whose::Client(client.clone())];
        let theirs = owners.iter().filter_map(|owner| self.owners.get(owner)).flatten();
        self.sessions.contains(&session)
            || theirs.into_iter().any(|revocation| revocation.of.reaches(session))
    }
}

/// The lifetimes of access tokens that may still be valid: those of the present configuration and of earlier
/// ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLife {
    /// The longest lifetime of a token that is issued now.
    pub longest: Duration,
    /// Set if tokens with a longer lifetime were issued and may not have expired yet.
    pub earlier: Option<EarlierLife>,
}

/// Access tokens of earlier configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierLife {
    /// The longest lifetime of such a token.
    pub longest: Duration,
    /// The time by which all of them have expired.
    pub until: Timestamp,
}

impl TokenLife {
    /// The lifetimes from `now` on, when tokens of at most `longest` are issued. `known` has the lifetimes
    /// until now.
    #[must_use]
    pub fn begin(known: Option<Self>, longest: Duration, now: Timestamp) -> Self {
        let replaced =
            known.map(|known| EarlierLife { longest: known.longest, until: now.plus(known.longest) });
        let before = [replaced, known.and_then(|known| known.earlier)].into_iter().flatten();
        let still_out = before.filter(|life| life.longest > longest && life.until > now);
        let earlier = still_out.reduce(|one, other| EarlierLife {
            longest: one.longest.max(other.longest),
            until: one.until.max(other.until),
        });
        Self { longest, earlier }
    }

    /// The time by which every token that was issued before a moment has expired.
    pub fn over_at(&self, issued_before: Timestamp) -> Timestamp {
        let earlier = self.earlier.map(|life| issued_before.plus(life.longest).min(life.until));
        issued_before.plus(self.longest).max(earlier.unwrap_or_default())
    }
}

impl RevokedSessions {
    /// Whether the entry covers a session, provided that it belongs to the owner.
    fn reaches(&self, session: SessionId) -> bool {
        match self {
            Self::One(one) => *one == session,
            Self::UpTo { newest, except, .. } => session <= *newest && Some(session) != *except,
        }
    }

    /// The session id in the entry. Its random bits distinguish two entries with the same number, such as
    /// after a restore.
    pub const fn named(&self) -> SessionId {
        match self {
            Self::One(session) | Self::UpTo { newest: session, .. } => *session,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_secs(5);
    const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

    // D2
    #[test]
    fn the_index_finds_sessions_that_were_revoked_alone_or_with_all_of_an_owner() {
        let id = |byte| SessionId::from_bytes([byte; 16]);
        let (jane, app): (UserId, ClientId) = ("jane".parse().unwrap(), "app".parse().unwrap());
        let (john, other) = ("john".parse().unwrap(), "other".parse().unwrap());
        let note = |number, of| Revocation { number, at: NOON, of };
        let up_to = |whose, newest, except| RevokedSessions::UpTo { whose, newest, except };
        let all = [
            note(1, RevokedSessions::One(id(9))),
            note(2, up_to(Whose::User(jane.clone()), id(5), Some(id(3)))),
            note(3, up_to(Whose::User(jane.clone()), id(6), Some(id(4)))),
            note(4, up_to(Whose::Client(app.clone()), id(2), None)),
        ];
        let mut index = RevokedIndex::default();
        all.iter().for_each(|revocation| index.add(revocation));
        let of_jane = |index: &RevokedIndex| -> Vec<u8> {
            (1..=9).filter(|byte| index.contains(id(*byte), &jane, &other)).collect()
        };
        assert_eq!(of_jane(&index), [1, 2, 3, 4, 5, 6, 9]);
        assert!(index.contains(id(2), &john, &app) && !index.contains(id(3), &john, &app));
        index.remove(&all[1]);
        assert_eq!(of_jane(&index), [1, 2, 3, 5, 6, 9]);
        index.remove(&all[0]);
        index.remove(&all[2]);
        assert!(of_jane(&index).is_empty() && index.contains(id(2), &john, &app));
    }

    // incident 17
    #[test]
    fn a_shorter_lifetime_waits_for_the_tokens_of_the_longer_one() {
        let long = TokenLife::begin(None, HOUR, NOON);
        assert_eq!(long.over_at(NOON), NOON.plus(HOUR));
        let lowered_at = NOON.plus(SHORT);
        let short = TokenLife::begin(Some(long), SHORT, lowered_at);
        assert_eq!(short.over_at(NOON), NOON.plus(HOUR), "revoked before");
        let later = lowered_at.plus(HOUR / 2);
        assert_eq!(
            short.over_at(later),
            lowered_at.plus(HOUR),
            "revoked later: the old tokens have expired by then"
        );
        let again = TokenLife::begin(Some(short), SHORT, later);
        assert_eq!(again, short, "starting again changes nothing");
        let over = lowered_at.plus(HOUR);
        assert_eq!(TokenLife::begin(Some(again), SHORT, over), TokenLife { longest: SHORT, earlier: None });
        let longer = TokenLife::begin(Some(again), HOUR, later);
        assert_eq!(longer.over_at(later), later.plus(HOUR));
    }
}
