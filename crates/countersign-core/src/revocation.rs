//! What was taken back, for those who verify access tokens on their own.
//!
//! An access token outlives its session by minutes, unless its verifier hears
//! of the revocation. A store notes each one in the write that makes it, under a
//! number that never comes again. All sessions of one owner are one entry: it
//! names the newest of them, because session ids are in the order of time and
//! `iat` is not precise enough for somebody who signs in again at once.

use std::time::Duration;

use crate::store::Whose;
use crate::{SessionId, Timestamp};

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
