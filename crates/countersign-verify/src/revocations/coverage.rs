//! Entries that cover more than one session: all of an owner up to one of them.

use countersign_token::Timestamp;

use super::CLOCK_DIFFERENCE;
use super::session_id::SessionId;

/// When an entry is of no use any more, in seconds since the epoch; it suffices until 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expiry(u32);

impl Expiry {
    pub(super) fn at(moment: Timestamp) -> Self {
        // The entry lists until when a token may be accepted anywhere; our clock may be behind the issuer's.
        Self(moment.plus(CLOCK_DIFFERENCE).seconds().try_into().unwrap_or(u32::MAX))
    }

    pub(super) fn is_over(self, issuer_time: Timestamp) -> bool {
        u64::from(self.0) <= issuer_time.seconds()
    }
}

/// Sessions up to one of them, but for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) up_to: SessionId,
    pub(super) except: Option<SessionId>,
}

/// The spans of one owner. There is hardly ever more than one.
#[derive(Debug, Default)]
pub(super) struct Coverage(Vec<(Span, Expiry)>);

impl Coverage {
    pub(super) fn covers(&self, session: SessionId) -> bool {
        self.0.iter().any(|(span, _)| session <= span.up_to && span.except != Some(session))
    }

    pub(super) fn add(&mut self, span: Span, expires: Expiry) {
        match self.0.iter_mut().find(|(known, _)| *known == span) {
            Some((_, known)) => *known = expires.max(*known),
            None => self.0.push((span, expires)),
        }
    }

    pub(super) fn sweep(&mut self, issuer_time: Timestamp) {
        self.0.retain(|(_, expires)| !expires.is_over(issuer_time));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
