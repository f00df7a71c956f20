//! Entries that revoke more than one session: all sessions of an owner up to a given one.

use countersign_token::Timestamp;

use super::CLOCK_DIFFERENCE;
use super::session_id::SessionId;

/// When an entry can be dropped, in seconds since the Unix epoch. 32 bits are enough until 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expiry(u32);

impl Expiry {
    pub(super) fn at(moment: Timestamp) -> Self {
        // The entry says until when some verifier may accept the tokens. This API's clock may be behind the
        // issuer's.
        Self(moment.plus(CLOCK_DIFFERENCE).seconds().try_into().unwrap_or(u32::MAX))
    }

    pub(super) fn is_over(self, issuer_time: Timestamp) -> bool {
        u64::from(self.0) <= issuer_time.seconds()
    }
}

/// All sessions up to and including `up_to`, except one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) up_to: SessionId,
    pub(super) except: Option<SessionId>,
}

/// The spans of one owner, usually only one.
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
