//! What becomes of a presented refresh token: one pure decision.
//!
//! [`judge`] is the whole state machine, rows 1 to 13 (there is no row 6); row 0 (is it ours at
//! all?) is [`RefreshToken::parse`]. A store does the usual case (row 7) as one
//! conditional write without asking, and loads the row and judges it only to
//! explain a refusal. The design's reasons stand in DESIGN.md, "How does a
//! refresh token work?".

use std::time::Duration;

use crate::ratchet::{self, Generation, Link, SecretHash, Start, Target};
use crate::refresh_token::{Binding, RefreshToken};
use crate::session::{Presence, RevokedReason, Session, SessionWithUser, Spent};
use crate::{ClientId, ServerKeys, SessionId, Timestamp};

/// How many late retries in a row are answered under [`LateRetry::Recover`].
pub const MAX_RECOVERIES: u8 = 8;

/// How far the clocks of two nodes may differ: a time that lies no further ahead counts as now. Time services keep
/// machines within a second.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// How long sessions and their tokens live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// How long a spent token is still answered with its successor. Zero: never.
    pub grace: Duration,
    /// What a retry after the grace means.
    pub late_retry: LateRetry,
    /// A session that is not refreshed ends after this time.
    pub idle_lifetime: Duration,
    /// A session ends after this time in any case.
    pub absolute_lifetime: Duration,
}

/// What it means when the token that was spent last is presented after the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateRetry {
    /// Theft: the session ends.
    Revoke,
    /// A lost answer: a new pair, up to eight times in a row. For native apps.
    Recover,
}

/// A refresh token as it was presented.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The token.
    pub token: &'a RefreshToken,
    /// The client that presents it.
    pub client: &'a ClientId,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Refuse, and change nothing.
    Refuse(Refusal),
    /// A new pair, once the store has taken the step.
    Advance(Advance, Box<Step>),
    /// The current refresh token again, whose secret this is (row 9).
    Replay(Link),
    /// Refuse, and end the session.
    Revoke(Breach),
}

/// Why a token is refused without any effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Row 1.
    NoSuchSession,
    /// Row 2: revoked, expired, or the user is disabled or gone.
    Ended,
    /// Row 3: the token belongs to another client.
    AnotherClient,
    /// Row 5: a genuine tag around a wrong secret. A server key is leaking.
    SecretDoesNotFit,
}

/// Why a session moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// Row 7: the current token was presented.
    Rotate,
    /// Row 10: a late retry.
    Recover,
    /// Row 12: the store had lost a write.
    CatchUp,
}

/// Why a session must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Row 4: the row no longer matches what the token is bound to.
    RowTampered,
    /// Row 8: a generation that a recovery skipped was presented.
    SkippedGeneration,
    /// Row 11: a spent token outside the grace.
    Reuse,
    /// Row 13: a token further ahead than one lost write explains.
    AheadOfStore,
}

/// One step forward: the condition that the row must meet, and what it then becomes.
#[derive(Debug, Clone)]
pub struct Step {
    /// The session.
    pub session: SessionId,
    /// The client that the session must belong to.
    pub client: ClientId,
    /// The generation that the row must be at.
    pub from: Generation,
    /// The hash that the row must have.
    pub from_hash: SecretHash,
    /// The row's next generation.
    pub to: Generation,
    /// The hash of that generation's secret.
    pub current: SecretHash,
    /// The hash of the secret after it.
    pub next: SecretHash,
    /// The generation that this step spends.
    pub spent: Spent,
    /// Whether this step begins a burst of rotations.
    pub burst: Burst,
    /// Late retries in a row, this one included.
    pub recoveries: u8,
    /// The session now ends here unless it is refreshed, but never after its absolute expiry.
    pub idle_expires_at: Timestamp,
    /// The secret of the new generation; it goes to the holder, never to the store.
    pub link: Link,
}

/// Whether a step begins a burst: a run of rotations closer together than the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burst {
    /// It begins one, with the generation that it spends.
    Begins,
    /// It leaves the running one alone.
    Continues,
}

/// Judges a presented refresh token against its session's row.
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
    Bench { keys, session, presented, policy, now }.judge_generation()
}

/// Whether the token is bound to what the row now says (row 4).
pub fn is_bound(keys: &ServerKeys, session: &Session, token: &RefreshToken) -> bool {
    keys.get(token.link.key_id)
        .is_some_and(|keys| Binding::of(&session.grant, session.id, keys).matches(&token.binding))
}

/// Whether the token's secret is one of this session's: its current one, one that steps to it, or the next.
///
/// Who holds a token of a session may end it, spent or not.
pub fn is_held(keys: &ServerKeys, session: &Session, token: &RefreshToken) -> bool {
    let start = Start { link: &token.link, generation: token.generation };
    let target = Target { generation: session.ratchet.generation, hash: &session.ratchet.current };
    let is_next = Some(token.generation) == session.ratchet.generation.checked_add(1);
    (is_next && session.ratchet.next.fits(&token.link.secret))
        || ratchet::walk(keys, session.id, start, target).is_some()
}

/// Rows 5 to 13: the session is live and the token is its own; which generation is it?
struct Bench<'a> {
    keys: &'a ServerKeys,
    session: &'a Session,
    presented: Presented<'a>,
    policy: &'a RefreshPolicy,
    now: Timestamp,
}

impl Bench<'_> {
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

    /// Rows 8 to 11. `current` is the secret that the presented one was stepped to.
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

    /// Whether one of three things proves that the token was spent no longer ago than the grace.
    fn is_in_grace(&self) -> bool {
        let token = self.presented.token;
        let is_within = |since: Timestamp| is_within_grace(self.policy, since, self.now);
        let is_recently = |spent: Option<Spent>| {
            spent.is_some_and(|spent| spent.generation == token.generation && is_within(spent.at))
        };
        let ratchet = &self.session.ratchet;
        is_recently(ratchet.previous) || is_within(token.issued_at) || is_recently(ratchet.burst)
    }

    /// Moves on from the current generation, whose token was lost, and leaves the spent one where it is.
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

/// The step that spends the presented token, from the token alone: no row need be read first.
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
    /// Whether a row meets the step's condition at `now`: rows 2, 3 and 7 of the table.
    pub fn is_met_by(&self, row: &SessionWithUser, now: Timestamp) -> bool {
        let session = &row.session;
        session.ratchet.generation == self.from
            && session.ratchet.current == self.from_hash
            && session.grant.client == self.client
            && row.live_user(now).is_some()
    }

    /// What the row becomes; its condition has been met.
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

/// A time beyond the tolerance ahead is outside the grace, and a grace of zero holds nothing.
fn is_within_grace(policy: &RefreshPolicy, since: Timestamp, now: Timestamp) -> bool {
    !policy.grace.is_zero() && age(since, now).is_some_and(|age| age <= policy.grace)
}

/// How long ago a moment was. One that another node's clock puts up to [`CLOCK_TOLERANCE`] ahead is now. `None`: it
/// lies further ahead, so one of the two clocks is wrong.
pub fn age(since: Timestamp, now: Timestamp) -> Option<Duration> {
    now.since(since).or_else(|| (since <= now.plus(CLOCK_TOLERANCE)).then_some(Duration::ZERO))
}

impl Breach {
    /// The reason that the session's row then gives.
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
