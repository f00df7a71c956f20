//! What was taken back, for those who verify access tokens on their own.
//!
//! An access token outlives its session by minutes, unless its verifier hears
//! of the revocation. A store notes each one in the write that makes it, under a
//! number that never comes again. All sessions of one owner are one entry: it
//! names the newest of them, because session ids are in the order of time and
//! `iat` is not precise enough for somebody who signs in again at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::session::Whose;
use crate::{ClientId, SessionId, Timestamp, UserId};

/// One revocation, as the store noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Later ones have greater numbers. From 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What was taken back.
    pub of: RevokedSessions,
}

/// Which sessions a revocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedSessions {
    /// This one.
    One(SessionId),
    /// All of an owner that there were.
    UpTo {
        /// Whose.
        whose: Whose,
        /// The newest of them; a session that is opened later has a greater id.
        newest: SessionId,
        /// The one that stayed.
        except: Option<SessionId>,
    },
}

/// The sessions that some revocations ended, to look one up without reading them all.
#[derive(Debug, Default)]
pub struct RevokedIndex {
    sessions: HashSet<SessionId>,
    owners: HashMap<Whose, Vec<Revocation>>,
}

impl RevokedIndex {
    /// Adds a revocation.
    pub fn add(&mut self, revocation: &Revocation) {
        match &revocation.of {
            RevokedSessions::One(session) => drop(self.sessions.insert(*session)),
            RevokedSessions::UpTo { whose, .. } => {
                self.owners.entry(whose.clone()).or_default().push(revocation.clone());
            }
        }
    }

    /// Removes a revocation that was added before.
    pub fn remove(&mut self, revocation: &Revocation) {
        match &revocation.of {
            // A session is revoked once.
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

    /// Whether a session of a user with a client is among them.
    pub fn contains(&self, session: SessionId, user: &UserId, client: &ClientId) -> bool {
        let owners = [Whose::Everyone, Whose::User(user.clone()), Whose::Client(client.clone())];
        let theirs = owners.iter().filter_map(|owner| self.owners.get(owner)).flatten();
        self.sessions.contains(&session)
            || theirs.into_iter().any(|revocation| revocation.of.reaches(session))
    }
}

/// How long access tokens live: those that are issued now, and those of an earlier configuration that are still out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLife {
    /// The longest that one can live which is issued now.
    pub longest: Duration,
    /// Longer-lived ones that were issued before.
    pub earlier: Option<EarlierLife>,
}

/// Access tokens of an earlier configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierLife {
    /// The longest that one could live.
    pub longest: Duration,
    /// When the last of them has expired.
    pub until: Timestamp,
}

impl TokenLife {
    /// What holds from `now` on, when tokens of at most `longest` are issued, after what was known before.
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

    /// When the last token has expired that was issued before a moment.
    pub fn over_at(&self, issued_before: Timestamp) -> Timestamp {
        let earlier = self.earlier.map(|life| issued_before.plus(life.longest).min(life.until));
        issued_before.plus(self.longest).max(earlier.unwrap_or_default())
    }
}

impl RevokedSessions {
    /// Whether a session is among them, if it is the owner's.
    fn reaches(&self, session: SessionId) -> bool {
        match self {
            Self::One(one) => *one == session,
            Self::UpTo { newest, except, .. } => session <= *newest && Some(session) != *except,
        }
    }

    /// The session that the entry names, whose random bits tell it from any other entry of its number.
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
    fn a_session_is_revoked_alone_or_with_its_owners_up_to_the_newest_but_one() {
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
    fn a_shorter_life_forgets_nothing_while_tokens_of_the_longer_one_are_out() {
        let long = TokenLife::begin(None, HOUR, NOON);
        assert_eq!(long.over_at(NOON), NOON.plus(HOUR));
        let lowered_at = NOON.plus(SHORT);
        let short = TokenLife::begin(Some(long), SHORT, lowered_at);
        assert_eq!(short.over_at(NOON), NOON.plus(HOUR), "revoked before");
        let later = lowered_at.plus(HOUR / 2);
        assert_eq!(
            short.over_at(later),
            lowered_at.plus(HOUR),
            "revoked after: the old tokens are over by then"
        );
        let again = TokenLife::begin(Some(short), SHORT, later);
        assert_eq!(again, short, "starting again changes nothing");
        let over = lowered_at.plus(HOUR);
        assert_eq!(TokenLife::begin(Some(again), SHORT, over), TokenLife { longest: SHORT, earlier: None });
        let longer = TokenLife::begin(Some(again), HOUR, later);
        assert_eq!(longer.over_at(later), later.plus(HOUR));
    }
}
