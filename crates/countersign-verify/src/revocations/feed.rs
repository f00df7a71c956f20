//! A revocation list that verifiers share, and the policy for an outdated list.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::{AccessTokenClaims, Timestamp};

use super::{ApplyError, CLOCK_DIFFERENCE, RevocationPage, Revocations};
use crate::Refusal;

/// An issuer's revocation list, shared by the code that adds pages and the verifiers that look up sessions.
/// Clones share one list.
///
/// With the feature `fetch`, an [`crate::Issuer`] creates and follows its own list. Use this type if you
/// receive the pages in another way.
#[derive(Clone)]
pub struct RevocationFeed(Arc<Shared>);

struct Shared {
    when_stale: WhenStale,
    state: RwLock<State>,
}

enum State {
    /// The metadata was not read yet, so it is not known whether the issuer has a list.
    #[cfg_attr(
        not(feature = "fetch"),
        expect(dead_code, reason = "only a fetched issuer begins in this state")
    )]
    Undecided,
    /// The caller chose to ignore the issuer's revocations.
    NotFollowed,
    /// The issuer's metadata names no list.
    #[cfg_attr(not(feature = "fetch"), expect(dead_code, reason = "only metadata names a list"))]
    NoList,
    Followed {
        list: Box<Revocations>,
        /// When the issuer began to name a list, if tokens were accepted without one before.
        no_list_until: Option<Timestamp>,
    },
}

/// For how long tokens are accepted while the revocation list is outdated or missing. After that, the layer
/// responds with
/// 503. Tokens of sessions that are known to be revoked are always rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    /// Accept tokens for `up_to` after the list was last complete. If the issuer's metadata names no list,
    /// tokens are accepted until they expire. If the metadata names a list later, tokens are accepted for
    /// `up_to` from then on, and longer once the list has arrived.
    Serve {
        /// Default: one minute. That is long enough for a restart of the issuer, and short compared with the
        /// lifetime of a token.
        up_to: Duration,
    },
    /// Accept tokens for 15 seconds after the list was last complete, which is three missed pages. If the
    /// issuer's metadata names no list, accept no tokens.
    Refuse,
}

/// The issuer sends a page, possibly without entries, at least every five seconds.
const THREE_HEARTBEATS: Duration = Duration::from_secs(15);

impl WhenStale {
    fn longest(self) -> Duration {
        match self {
            Self::Serve { up_to } => up_to,
            Self::Refuse => THREE_HEARTBEATS,
        }
    }

    /// Whether tokens of an issuer without a list are rejected.
    pub(crate) const fn needs_list(self) -> bool {
        matches!(self, Self::Refuse)
    }
}

impl Default for WhenStale {
    fn default() -> Self {
        Self::Serve { up_to: Duration::from_secs(60) }
    }
}

impl RevocationFeed {
    /// An empty list that is not known yet. Until it was read to its end once, every token is rejected with
    /// [`Refusal::RevocationsUnknown`].
    pub fn new(when_stale: WhenStale) -> Self {
        Self::in_state(when_stale, State::followed(None))
    }

    pub(crate) fn not_followed() -> Self {
        Self::in_state(WhenStale::default(), State::NotFollowed)
    }

    fn in_state(when_stale: WhenStale, state: State) -> Self {
        Self(Arc::new(Shared { when_stale, state: RwLock::new(state) }))
    }

    /// Adds the entries of a page. `arrived` is the time of its arrival, by the clock of the verifiers.
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`Revocations::apply`].
    pub fn apply(&self, page: RevocationPage, arrived: Timestamp) -> Result<(), ApplyError> {
        match &mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.apply(page, arrived),
            State::Undecided | State::NotFollowed | State::NoList => Ok(()),
        }
    }

    /// The position after the last page, to request the next one. `None` means that the list must be read
    /// from its beginning.
    pub fn cursor(&self) -> Option<String> {
        match &*self.0.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.cursor().map(str::to_owned),
            State::Undecided | State::NotFollowed | State::NoList => None,
        }
    }

    /// The last time at which the list was complete, or `None` if it was never read to its end.
    pub fn as_of(&self) -> Option<Timestamp> {
        match &*self.0.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.as_of(),
            State::Undecided | State::NotFollowed | State::NoList => None,
        }
    }

    /// Checks that the session of verified claims was not revoked.
    ///
    /// # Errors
    ///
    /// - [`Refusal::Revoked`] if the session was revoked.
    /// - [`Refusal::RevocationsUnknown`] if the list is outdated or missing; see [`WhenStale`].
    pub fn check(&self, claims: &AccessTokenClaims, now: Timestamp) -> Result<(), Refusal> {
        match &*self.0.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::NotFollowed => Ok(()),
            State::NoList if !self.0.when_stale.needs_list() => Ok(()),
            State::Followed { list, .. } if list.covers(claims) => Err(Refusal::Revoked),
            State::Followed { list, no_list_until }
                if list.as_of().or(*no_list_until).is_some_and(|as_of| self.is_recent(as_of, now)) =>
            {
                Ok(())
            }
            State::Undecided | State::NoList | State::Followed { .. } => Err(Refusal::RevocationsUnknown),
        }
    }

    fn is_recent(&self, as_of: Timestamp, now: Timestamp) -> bool {
        match now.since(as_of) {
            Some(age) => age <= self.0.when_stale.longest(),
            // The clock was set back, so the age of the list is not known.
            None => as_of <= now.plus(CLOCK_DIFFERENCE),
        }
    }
}

#[cfg(feature = "fetch")]
impl RevocationFeed {
    pub(crate) fn undecided(when_stale: WhenStale) -> Self {
        Self::in_state(when_stale, State::Undecided)
    }

    /// See [`Revocations::apply_after`].
    pub(crate) fn apply_after(
        &self,
        cursor: Option<&str>,
        page: RevocationPage,
        arrived: Timestamp,
    ) -> Result<(), ApplyError> {
        match &mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.apply_after(cursor, page, arrived),
            State::Undecided | State::NotFollowed | State::NoList => Ok(()),
        }
    }

    /// See [`Revocations::reset_cursor`].
    pub(crate) fn reset_cursor(&self) {
        if let State::Followed { list, .. } =
            &mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner)
        {
            list.reset_cursor();
        }
    }

    /// Sets whether the list is followed. The first decision is final, except that an issuer without a list
    /// may name one later.
    pub(crate) fn decide(&self, following: Following) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = match (&*state, following) {
            (State::Undecided, Following::No) => State::NotFollowed,
            (State::Undecided, Following::NoList) => State::NoList,
            (State::Undecided, Following::From(_)) => State::followed(None),
            // Tokens were accepted without a list, so they are not rejected just because the issuer now names
            // one.
            (State::NoList, Following::From(now)) => {
                State::followed((!self.0.when_stale.needs_list()).then_some(now))
            }
            (State::NoList, Following::No | Following::NoList)
            | (State::NotFollowed | State::Followed { .. }, _) => return,
        };
    }
}

/// Whether an issuer's list is followed.
#[cfg(feature = "fetch")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Following {
    /// The list is followed from this time on.
    From(Timestamp),
    /// The issuer's metadata names no list.
    NoList,
    /// The caller chose to ignore revocations.
    No,
}

impl State {
    fn followed(no_list_until: Option<Timestamp>) -> Self {
        Self::Followed { list: Box::default(), no_list_until }
    }
}

impl fmt::Debug for RevocationFeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        let shown: &dyn fmt::Debug = match &*state {
            State::Undecided => &"undecided",
            State::NotFollowed => &"not followed",
            State::NoList => &"no list",
            State::Followed { list, .. } => &list.len(),
        };
        formatter.debug_tuple("RevocationFeed").field(shown).finish()
    }
}
