//! The list of revocations as verifiers share it, and what is done when it falls behind.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::{AccessTokenClaims, Timestamp};

use super::{ApplyError, CLOCK_DIFFERENCE, RevocationPiece, Revocations};
use crate::Refusal;

/// An issuer's list of revocations, shared by whoever brings pieces and whoever asks. Clones are the same list.
///
/// With the feature `fetch` an [`crate::Issuer`] has one of its own and follows it. This type is for those who
/// carry pieces in their own way.
#[derive(Clone)]
pub struct RevocationFeed(Arc<Shared>);

struct Shared {
    when_stale: WhenStale,
    state: RwLock<State>,
}

enum State {
    /// Nobody knows yet whether the issuer has a list.
    #[cfg_attr(not(feature = "fetch"), expect(dead_code, reason = "a fetched issuer begins here"))]
    Undecided,
    /// The caller said that the issuer's revocations do not matter.
    NotFollowed,
    /// The issuer names no list so far.
    #[cfg_attr(not(feature = "fetch"), expect(dead_code, reason = "only metadata names a list"))]
    Unlisted,
    Followed {
        list: Box<Revocations>,
        /// Tokens were served without a list until then, when the issuer began to name one.
        unlisted_until: Option<Timestamp>,
    },
}

/// What to do with tokens while the list of revocations is not up to date, or there is none: 503, sooner or later. A
/// session that is known to be revoked is refused in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    /// Go on with what is known for so long since the list was last complete. The tokens of an issuer whose metadata
    /// names no list are accepted until they expire; when it names one later, service goes on for so long until the
    /// list is there.
    Serve {
        /// By default a minute: long enough for a restart of the issuer, short against the life of a token.
        up_to: Duration,
    },
    /// Accept no token without a list that is recent: go on for 15 seconds, in which three signs of life were missed,
    /// and not at all with an issuer whose metadata names no list.
    Refuse,
}

/// The issuer lets its followers hear from it every five seconds.
const THREE_SIGNS_OF_LIFE: Duration = Duration::from_secs(15);

impl WhenStale {
    fn longest(self) -> Duration {
        match self {
            Self::Serve { up_to } => up_to,
            Self::Refuse => THREE_SIGNS_OF_LIFE,
        }
    }

    /// Whether no token is accepted of an issuer that has no list.
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
    /// A list that nothing is known of: until it was read to its end, every token is refused with
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

    /// Adds what a piece lists. `arrived` is when it did, by the clock of those who ask.
    ///
    /// # Errors
    ///
    /// As [`Revocations::apply`].
    pub fn apply(&self, piece: RevocationPiece, arrived: Timestamp) -> Result<(), ApplyError> {
        match &mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.apply(piece, arrived),
            State::Undecided | State::NotFollowed | State::Unlisted => Ok(()),
        }
    }

    /// Where the list goes on; `None`: it is to be read from its beginning.
    pub fn cursor(&self) -> Option<String> {
        match &*self.0.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.cursor().map(str::to_owned),
            State::Undecided | State::NotFollowed | State::Unlisted => None,
        }
    }

    /// At this moment nothing was missing; `None`: never yet.
    pub fn as_of(&self) -> Option<Timestamp> {
        match &*self.0.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.as_of(),
            State::Undecided | State::NotFollowed | State::Unlisted => None,
        }
    }

    /// Whether the session of these verified claims may go on.
    ///
    /// # Errors
    ///
    /// [`Refusal::Revoked`], or [`Refusal::RevocationsUnknown`] when that cannot be said.
    pub fn check(&self, claims: &AccessTokenClaims, now: Timestamp) -> Result<(), Refusal> {
        match &*self.0.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::NotFollowed => Ok(()),
            State::Unlisted if !self.0.when_stale.needs_list() => Ok(()),
            State::Followed { list, .. } if list.covers(claims) => Err(Refusal::Revoked),
            State::Followed { list, unlisted_until }
                if list.as_of().or(*unlisted_until).is_some_and(|as_of| self.is_recent(as_of, now)) =>
            {
                Ok(())
            }
            State::Undecided | State::Unlisted | State::Followed { .. } => Err(Refusal::RevocationsUnknown),
        }
    }

    fn is_recent(&self, as_of: Timestamp, now: Timestamp) -> bool {
        match now.since(as_of) {
            Some(age) => age <= self.0.when_stale.longest(),
            // Our clock was set back: by how much the list is behind is not known.
            None => as_of <= now.plus(CLOCK_DIFFERENCE),
        }
    }
}

#[cfg(feature = "fetch")]
impl RevocationFeed {
    pub(crate) fn undecided(when_stale: WhenStale) -> Self {
        Self::in_state(when_stale, State::Undecided)
    }

    /// As [`Revocations::apply_after`].
    pub(crate) fn apply_after(
        &self,
        place: Option<&str>,
        piece: RevocationPiece,
        arrived: Timestamp,
    ) -> Result<(), ApplyError> {
        match &mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner) {
            State::Followed { list, .. } => list.apply_after(place, piece, arrived),
            State::Undecided | State::NotFollowed | State::Unlisted => Ok(()),
        }
    }

    /// As [`Revocations::begin_anew`].
    pub(crate) fn begin_anew(&self) {
        if let State::Followed { list, .. } =
            &mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner)
        {
            list.begin_anew();
        }
    }

    /// Ends the time in which nobody knew. A decision stands, but for an issuer that names a list after all.
    pub(crate) fn decide(&self, following: Following) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = match (&*state, following) {
            (State::Undecided, Following::No) => State::NotFollowed,
            (State::Undecided, Following::Unlisted) => State::Unlisted,
            (State::Undecided, Following::From(_)) => State::followed(None),
            // Who was served without a list need not be refused because there is to be one.
            (State::Unlisted, Following::From(now)) => {
                State::followed((!self.0.when_stale.needs_list()).then_some(now))
            }
            (State::Unlisted, Following::No | Following::Unlisted)
            | (State::NotFollowed | State::Followed { .. }, _) => return,
        };
    }
}

/// Whether an issuer's list is followed.
#[cfg(feature = "fetch")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Following {
    /// From this moment on.
    From(Timestamp),
    /// The issuer names none so far.
    Unlisted,
    /// It was said that it does not matter.
    No,
}

impl State {
    fn followed(unlisted_until: Option<Timestamp>) -> Self {
        Self::Followed { list: Box::default(), unlisted_until }
    }
}

impl fmt::Debug for RevocationFeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        let said: &dyn fmt::Debug = match &*state {
            State::Undecided => &"undecided",
            State::NotFollowed => &"not followed",
            State::Unlisted => &"no list",
            State::Followed { list, .. } => &list.len(),
        };
        formatter.debug_tuple("RevocationFeed").field(said).finish()
    }
}
