//! Judging a presented refresh token: one pure decision.
//!
//! [`judge`] is the whole state machine, rows 1 to 13 (there is no row 6). Row 0,
//! which rejects malformed and forged tokens, is [`RefreshToken::parse`]. The usual
//! case (row 7) is one conditional write. The server reads the row and judges the
//! token only when that write did not apply. DESIGN.md has the table and its reasons
//! under "How does a refresh token work?".

use std::time::Duration;

use crate::ratchet::{self, Generation, Link, SecretHash, Start, Target};
use crate::refresh_token::{Binding, RefreshToken};
use crate::session::{Presence, RevokedReason, Session, SessionWithUser, Spent};
use crate::{ClientId, ServerKeys, SessionId, Timestamp};

/// The most late retries in a row that [`LateRetry::Recover`] accepts.
pub const MAX_RECOVERIES: u8 = 8;

/// The most by which the clocks of two nodes may differ. A time that is at most this far in the future counts
/// as now. Time services keep clocks within a second of each other.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// The lifetimes of sessions and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// For how long the server accepts a spent token and returns the same successor. Zero: never.
    pub grace: Duration,
    pub late_retry: LateRetry,
    /// A session expires when it has not been refreshed for this long.
    pub idle_lifetime: Duration,
    /// A session expires this long after it was opened, in any case.
    pub absolute_lifetime: Duration,
}

/// What the server does when a client presents the token that was spent last, after the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateRetry {
    /// Treats it as theft and revokes the session.
    Revoke,
    /// Assumes that the response was lost and issues a new pair, up to eight times in a row. For native apps.
    Recover,
}

impl LateRetry {
    /// Its name in the configuration, in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Recover => "recover",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Revoke, Self::Recover].into_iter().find(|late_retry| late_retry.as_str() == name)
    }
}

/// A refresh token that a client presents.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    pub token: &'a RefreshToken,
    pub client: &'a ClientId,
}

/// What the server must do.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Reject the token and change nothing.
    Refuse(Refusal),
    /// Issue a new pair, if the store applies the step.
    Advance(Advance, Box<Step>),
    /// Return the current refresh token again (row 9). The link has its secret.
    Replay(Link),
    /// Reject the token and revoke the session.
    Revoke(Breach),
}

/// Why a token is rejected without any change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Row 1.
    NoSuchSession,
    /// Row 2: the session was revoked or has expired, or its user is disabled or deleted.
    Ended,
    /// Row 3: the token belongs to another client.
    AnotherClient,
    /// Row 5: the tag is genuine and the secret is wrong. A server key has leaked.
    SecretDoesNotFit,
}

/// Why a session moves to a later generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// Row 7: the client presented the current token.
    Rotate,
    /// Row 10: a late retry.
    Recover,
    /// Row 12: the store had lost a write.
    CatchUp,
}

/// Why a session must be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Row 4: the token is not bound to the row's values.
    RowTampered,
    /// Row 8: the client presented a generation that a recovery skipped.
    SkippedGeneration,
    /// Row 11: the client presented a spent token after the grace.
    Reuse,
    /// Row 13: the token is further ahead of the row than one lost write explains.
    AheadOfStore,
}

/// One step forward: the condition that the row must meet, and the values that it then gets.
#[derive(Debug, Clone)]
pub struct Step {
    pub session: SessionId,
    /// Condition: the session's client.
    pub client: ClientId,
    /// Condition: the row's generation.
    pub from: Generation,
    /// Condition: the hash of that generation's secret.
    pub from_hash: SecretHash,
    /// The new generation.
    pub to: Generation,
    /// The hash of the new generation's secret.
    pub current: SecretHash,
    /// The hash of the secret after that.
    pub next: SecretHash,
    /// The generation that the client presented, and the time.
    pub spent: Spent,
    pub burst: Burst,
    /// The number of late retries in a row, including this one.
    pub recoveries: u8,
    /// The new idle expiry. The row keeps the earlier one of this and the absolute expiry.
    pub idle_expires_at: Timestamp,
    /// The secret of the new generation. It goes to the client and never to the store.
    pub link: Link,
}

/// Whether a step begins a burst: a run of rotations that follow each other within the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burst {
    /// The step begins a burst with the generation that it spends.
    Begins,
    /// The step leaves the recorded burst as it is.
    Continues,
}

/// Judges a presented refresh token by its session's row. `None`: there is no such session.
pub fn judge(
    keys: &ServerKeys,
    row: Option<&SessionWithUser>,
    presented: Presented<'_>,
    policy: &RefreshPolicy,
    now: Timestamp,
) -> Verdict {
    let Some(row) = row else { return Verdict::Refuse(Refusal::NoSuchSession) };
    if row.live_user(now).is_none() {
        return Verdict::Refuse(Refusal::Ended);
    }
    let session = &row.session;
    if *presented.client != session.grant.client {
        return Verdict::Refuse(Refusal::AnotherClient);
    }
    if !is_bound(keys, session, presented.token) {
        return Verdict::Revoke(Breach::RowTampered);
    }
    Judge { keys, session, presented, policy, now }.judge_generation()
}

/// Whether the token is bound to the row's current values (row 4).
pub fn is_bound(keys: &ServerKeys, session: &Session, token: &RefreshToken) -> bool {
    keys.get(token.link.key_id)
        .is_some_and(|keys| Binding::of(&session.grant, session.id, keys).matches(&token.binding))
}

/// Whether the token's secret is genuine: the session's current one, the next one, or a spent one that steps
/// forward to the current one.
///
/// The holder of any token of a session may revoke the session, also if the token is spent.
pub fn is_held(keys: &ServerKeys, session: &Session, token: &RefreshToken) -> bool {
    let start = Start { link: &token.link, generation: token.generation };
    let target = Target { generation: session.ratchet.generation, hash: &session.ratchet.current };
    let is_next = Some(token.generation) == session.ratchet.generation.checked_add(1);
    (is_next && session.ratchet.next.fits(&token.link.secret))
        || ratchet::walk(keys, session.id, start, target).is_some()
}

/// Rows 5 to 13: the session is live and the token belongs to it.
struct Judge<'a> {
    keys: &'a ServerKeys,
    session: &'a Session,
    presented: Presented<'a>,
    policy: &'a RefreshPolicy,
    now: Timestamp,
}

impl Judge<'_> {
    fn judge_generation(&self) -> Verdict {
        let ratchet = &self.session.ratchet;
        let token = self.presented.token;
        if token.generation == ratchet.generation {
            return self.judge_current();
        }
        if token.generation > ratchet.generation {
            return self.judge_ahead();
        }
        if ratchet.generation - token.generation > ratchet::MAX_STEPS {
            return Verdict::Revoke(Breach::Reuse);
        }
        let start = Start { link: &token.link, generation: token.generation };
        let target = Target { generation: ratchet.generation, hash: &ratchet.current };
        match ratchet::walk(self.keys, self.session.id, start, target) {
            None => Verdict::Refuse(Refusal::SecretDoesNotFit),
            Some(link) => self.judge_spent(link),
        }
    }

    fn judge_current(&self) -> Verdict {
        if !self.session.ratchet.current.fits(&self.presented.token.link.secret) {
            return Verdict::Refuse(Refusal::SecretDoesNotFit);
        }
        let step = rotation(self.keys, self.presented, self.policy, self.now);
        Verdict::Advance(Advance::Rotate, Box::new(step))
    }

    fn judge_ahead(&self) -> Verdict {
        let ratchet = &self.session.ratchet;
        let token = self.presented.token;
        if token.generation - ratchet.generation > 1 {
            return Verdict::Revoke(Breach::AheadOfStore);
        }
        if !ratchet.next.fits(&token.link.secret) {
            return Verdict::Refuse(Refusal::SecretDoesNotFit);
        }
        let is_recent = age(token.issued_at, self.now).is_some_and(|age| age <= self.policy.idle_lifetime);
        if !is_recent {
            return Verdict::Revoke(Breach::AheadOfStore);
        }
        let step = rotation(self.keys, self.presented, self.policy, self.now);
        let step = Step { from: ratchet.generation, from_hash: ratchet.current, ..step };
        Verdict::Advance(Advance::CatchUp, Box::new(step))
    }

    /// Rows 8 to 11. `current` has the current secret, to which the presented one was stepped forward.
    fn judge_spent(&self, current: Link) -> Verdict {
        let ratchet = &self.session.ratchet;
        let generation = self.presented.token.generation;
        if ratchet.previous.is_some_and(|previous| previous.generation < generation) {
            return Verdict::Revoke(Breach::SkippedGeneration);
        }
        if self.is_in_grace() {
            return Verdict::Replay(current);
        }
        let is_last_spent = ratchet.previous.is_some_and(|previous| previous.generation == generation);
        if is_last_spent
            && self.policy.late_retry == LateRetry::Recover
            && ratchet.recoveries < MAX_RECOVERIES
        {
            return Verdict::Advance(Advance::Recover, Box::new(self.recovery(&current)));
        }
        Verdict::Revoke(Breach::Reuse)
    }

    /// Whether one of three times proves that the token was spent at most one grace ago.
    fn is_in_grace(&self) -> bool {
        let token = self.presented.token;
        let is_within = |since: Timestamp| is_within_grace(self.policy, since, self.now);
        let is_recently = |spent: Option<Spent>| {
            spent.is_some_and(|spent| spent.generation == token.generation && is_within(spent.at))
        };
        let ratchet = &self.session.ratchet;
        is_recently(ratchet.previous) || is_within(token.issued_at) || is_recently(ratchet.burst)
    }

    /// The step from the current generation, whose token was lost. The presented token stays the one that was
    /// spent last.
    fn recovery(&self, current: &Link) -> Step {
        let ratchet = &self.session.ratchet;
        let token = self.presented.token;
        let at_current =
            RefreshToken { generation: ratchet.generation, link: current.clone(), ..token.clone() };
        let presented = Presented { token: &at_current, ..self.presented };
        Step {
            spent: Spent { generation: token.generation, at: self.now },
            burst: Burst::Continues,
            recoveries: ratchet.recoveries + 1,
            ..rotation(self.keys, presented, self.policy, self.now)
        }
    }
}

/// The step that spends the presented token. It follows from the token alone, so the row need not be read
/// first.
pub fn rotation(keys: &ServerKeys, presented: Presented<'_>, policy: &RefreshPolicy, now: Timestamp) -> Step {
    let token = presented.token;
    let newest = keys.newest();
    let to = token.generation.saturating_add(1);
    let secret = token.link.secret.step(newest, token.session, to);
    let after = secret.step(newest, token.session, to.saturating_add(1));
    let continues = is_within_grace(policy, token.issued_at, now);
    Step {
        session: token.session,
        client: presented.client.clone(),
        from: token.generation,
        from_hash: token.link.secret.hash(),
        to,
        current: secret.hash(),
        next: after.hash(),
        spent: Spent { generation: token.generation, at: now },
        burst: if continues { Burst::Continues } else { Burst::Begins },
        recoveries: 0,
        idle_expires_at: now.plus(policy.idle_lifetime),
        link: Link { secret, key_id: newest.id() },
    }
}

impl Step {
    /// Whether a row meets the step's condition at `now` (rows 2, 3 and 7 of the table).
    pub fn is_met_by(&self, row: &SessionWithUser, now: Timestamp) -> bool {
        let session = &row.session;
        session.ratchet.generation == self.from
            && session.ratchet.current == self.from_hash
            && session.grant.client == self.client
            && row.live_user(now).is_some()
    }

    /// Changes a row that meets the condition.
    pub fn apply(&self, session: &mut Session, by: &Presence) {
        let ratchet = &mut session.ratchet;
        ratchet.generation = self.to;
        ratchet.current = self.current;
        ratchet.next = self.next;
        ratchet.previous = Some(self.spent);
        if self.burst == Burst::Begins {
            ratchet.burst = Some(self.spent);
        }
        ratchet.recoveries = self.recoveries;
        session.idle_expires_at = self.idle_expires_at.min(session.absolute_expires_at);
        session.refreshed = by.clone();
    }
}

/// A time further in the future than the tolerance is outside the grace. With a grace of zero, every time is
/// outside.
fn is_within_grace(policy: &RefreshPolicy, since: Timestamp, now: Timestamp) -> bool {
    !policy.grace.is_zero() && age(since, now).is_some_and(|age| age <= policy.grace)
}

/// The time since a moment: zero if another node's clock puts it at most [`CLOCK_TOLERANCE`] in the future.
/// `None`: it is further in the future, so one of the two clocks is wrong.
pub fn age(since: Timestamp, now: Timestamp) -> Option<Duration> {
    now.since(since).or_else(|| (since <= now.plus(CLOCK_TOLERANCE)).then_some(Duration::ZERO))
}

impl Breach {
    /// The reason for the session's row.
    pub const fn reason(self) -> RevokedReason {
        match self {
            Self::RowTampered => RevokedReason::RowTampered,
            Self::SkippedGeneration | Self::Reuse => RevokedReason::Reuse,
            Self::AheadOfStore => RevokedReason::AheadOfStore,
        }
    }
}

#[cfg(test)]
mod lives;
#[cfg(test)]
mod tests;
