//! Refreshing: one conditional write, and a judgement only when it does not apply.

use std::time::Duration;

use countersign_core::opening::token_beside;
use countersign_core::ratchet::Link;
use countersign_core::refresh::{self, Advance, Breach, Presented, RefreshPolicy, Refusal, Step, Verdict};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Presence, Revoked, Session, SessionState, SessionWithUser, Whose};
use countersign_core::store::{Rotated, StoreError};
use countersign_core::{ClientId, Secret};

use super::{InternalError, Pair, revoke};
use crate::app::App;
use crate::services::event_log::{Change, Subject};
use crate::services::metrics::RefreshOutcome;
use crate::services::terms::Terms;

/// How often the row is read again after somebody else moved it first.
const ATTEMPTS: u32 = 3;

/// Why there is no new pair. The client learns less than this.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not acceptable; which row of the table said so goes to the log alone.
    #[error("the refresh token is not acceptable ({})", .0.as_str())]
    Refused(RefreshOutcome),
    /// One spent token was presented too often in its grace.
    #[error("the same spent refresh token was presented too often")]
    TooManyReplays(Duration),
    /// One session was refreshed too often.
    #[error("the session was refreshed too often")]
    TooOften(Duration),
    /// Other requests moved the session each time before this one could.
    #[error("the session was moved by others {ATTEMPTS} times in a row")]
    Contended,
    /// The store failed; nothing was decided.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
    /// The pair cannot be made.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Exchanges a presented refresh token for a pair.
///
/// # Errors
///
/// [`RefreshError`].
pub async fn refresh(
    app: &App,
    text: &Secret<String>,
    client: &ClientId,
    by: &Presence,
) -> Result<Pair, RefreshError> {
    let refreshed = own(app, text, client, by).await;
    if matches!(refreshed, Err(RefreshError::Refused(RefreshOutcome::NotOurs))) {
        note_not_ours();
    }
    refreshed
}

/// As [`refresh`], for a caller that may accept what is no token of this server, and writes its line if not.
pub(super) async fn own(
    app: &App,
    text: &Secret<String>,
    client: &ClientId,
    by: &Presence,
) -> Result<Pair, RefreshError> {
    let exchanged = match RefreshToken::parse(text.expose(), &app.server_keys) {
        Ok(token) => {
            let terms = app.terms_of(client).await?;
            Exchange { app, token: &token, client, terms: &terms, by }.run().await
        }
        Err(_) => Err(RefreshError::Refused(RefreshOutcome::NotOurs)),
    };
    let outcome = match &exchanged {
        Ok((outcome, _)) | Err(RefreshError::Refused(outcome)) => *outcome,
        Err(RefreshError::TooManyReplays(_)) => RefreshOutcome::ReplayThrottled,
        Err(RefreshError::TooOften(_)) => RefreshOutcome::SessionThrottled,
        Err(RefreshError::Contended | RefreshError::Unavailable(_) | RefreshError::Internal(_)) => {
            RefreshOutcome::Unavailable
        }
    };
    app.metrics.count_refresh(outcome);
    exchanged.map(|(_, pair)| pair)
}

/// Writes the line of the log about what is no token of this server.
pub(super) fn note_not_ours() {
    tracing::info!(outcome = RefreshOutcome::NotOurs.as_str(), "a refresh was refused");
}

/// One presentation of a genuine token.
struct Exchange<'a> {
    app: &'a App,
    token: &'a RefreshToken,
    client: &'a ClientId,
    /// How sessions of the client live. A session of another client is refused whatever they are.
    terms: &'a Terms,
    by: &'a Presence,
}

type Exchanged = Result<(RefreshOutcome, Pair), RefreshError>;

impl Exchange<'_> {
    async fn run(&self) -> Exchanged {
        let throttle = &self.app.throttle;
        if let Err(wait) = throttle.take_refresh(self.token.session) {
            self.note_refused(RefreshOutcome::SessionThrottled, None);
            return Err(RefreshError::TooOften(wait));
        }
        let exchanged = self.exchange().await;
        if exchanged.is_err() {
            throttle.give_back_refresh(self.token.session);
        }
        exchanged
    }

    async fn exchange(&self) -> Exchanged {
        let step = refresh::rotation(&self.app.server_keys, self.presented(), self.policy(), self.by.at);
        if let Some(rotated) = self.app.store.rotate(&step, self.by).await? {
            return self.advanced(Advance::Rotate, rotated, step).await;
        }
        // What is rare lies elsewhere: every refresh would carry its memory about.
        Box::pin(self.explain()).await
    }

    /// Reads the row that would not move, and judges it.
    async fn explain(&self) -> Exchanged {
        for _ in 0..ATTEMPTS {
            let row = self.app.store.session(self.token.session).await?;
            let verdict = self.judge(row.as_ref());
            if let Some(exchanged) = self.carry_out(verdict, row).await {
                return exchanged;
            }
        }
        Err(RefreshError::Contended)
    }

    fn presented(&self) -> Presented<'_> {
        Presented { token: self.token, client: self.client }
    }

    const fn policy(&self) -> &RefreshPolicy {
        &self.terms.policy
    }

    fn judge(&self, row: Option<&SessionWithUser>) -> Verdict {
        // The row may have been moved after this request began: by its own time, that would lie in the future.
        let now = self.by.at.max(self.app.world.now());
        if let Some(row) = row.filter(|row| refresh::age(row.session.refreshed.at, now).is_none()) {
            tracing::error!(
                session = %row.session.id,
                "this node's clock is behind the time at which another node refreshed a session: clock_skew"
            );
        }
        refresh::judge(&self.app.server_keys, row, self.presented(), self.policy(), now)
    }

    /// `None`: somebody else moved the row first, judge again.
    async fn carry_out(&self, verdict: Verdict, row: Option<SessionWithUser>) -> Option<Exchanged> {
        match (verdict, row) {
            (Verdict::Advance(advance, step), _) => match self.app.store.rotate(&step, self.by).await {
                Ok(Some(rotated)) => Some(self.advanced(advance, rotated, *step).await),
                Ok(None) => None,
                Err(error) => Some(Err(error.into())),
            },
            (Verdict::Replay(link), Some(row)) => Some(self.replayed(&row, link)),
            (Verdict::Revoke(breach), _) => Some(self.breached(breach).await),
            (Verdict::Refuse(refusal), row) => Some(self.refused(refusal, row.as_ref())),
            // Without a row there is nothing but a refusal.
            (Verdict::Replay(_), None) => Some(self.refused(Refusal::NoSuchSession, None)),
        }
    }

    async fn advanced(&self, advance: Advance, rotated: Rotated, step: Step) -> Exchanged {
        // The access token is signed while the store makes the step durable, and released after.
        let prepared = rotated.prepare(|moved| {
            // The write needs no earlier read, so a changed row is noticed here, before anything is released.
            let is_bound = refresh::is_bound(&self.app.server_keys, &moved.session, self.token);
            is_bound.then(|| (Subject::of(&moved.session), self.pair_at(moved, step.link.clone())))
        });
        let (subject, pair) = match prepared.await? {
            Some(Some(prepared)) => prepared,
            Some(None) => return Box::pin(self.breached(Breach::RowTampered)).await,
            None => return Box::pin(self.explain()).await,
        };
        let outcome = match advance {
            Advance::Rotate => RefreshOutcome::Rotated,
            Advance::Recover => RefreshOutcome::Recovered,
            Advance::CatchUp => {
                tracing::error!(session = %self.token.session, "the store had lost a write: rollback_detected");
                RefreshOutcome::RollbackDetected
            }
        };
        let (presented, generation) = (self.token.generation, step.to);
        self.note(subject, Change::Moved { how: advance, presented, generation });
        pair.map(|pair| (outcome, pair))
    }

    fn replayed(&self, row: &SessionWithUser, link: Link) -> Exchanged {
        let throttle = &self.app.throttle;
        if let Err(wait) = throttle.take_replay(self.token.session, self.token.generation) {
            self.note_refused(RefreshOutcome::ReplayThrottled, Some(row));
            return Err(RefreshError::TooManyReplays(wait));
        }
        let (presented, generation) = (self.token.generation, row.session.ratchet.generation);
        self.note(Subject::of(&row.session), Change::Replayed { presented, generation });
        self.pair_at(row, link).map(|pair| (RefreshOutcome::Replayed, pair))
    }

    async fn breached(&self, breach: Breach) -> Exchanged {
        let how =
            Revoked { reason: breach.reason(), by: self.by.clone(), presented: Some(self.token.generation) };
        self.app.store.revoke(self.token.session, &Whose::Everyone, &how).await?;
        revoke::take_note(self.app).await;
        let outcome = RefreshOutcome::from(breach);
        tracing::warn!(
            session = %self.token.session,
            generation = self.token.generation,
            outcome = outcome.as_str(),
            address = self.by.address.map(tracing::field::display),
            "a session was revoked because of the refresh token that was presented"
        );
        Err(RefreshError::Refused(outcome))
    }

    fn refused(&self, refusal: Refusal, row: Option<&SessionWithUser>) -> Exchanged {
        let outcome = RefreshOutcome::from(refusal);
        let session = row.map(|row| &row.session);
        let is_over =
            |session: &&Session| session.state == SessionState::Active && !session.is_live(self.by.at);
        if let Some(expired) = session.filter(is_over) {
            self.app.events.note_expiry(expired, self.by);
        }
        let retention = self.policy().absolute_lifetime;
        let is_young = refresh::age(self.token.issued_at, self.by.at).is_some_and(|age| age < retention);
        match refusal {
            Refusal::NoSuchSession if is_young => {
                tracing::error!(session = %self.token.session, "a genuine refresh token names a session that is gone");
            }
            Refusal::SecretDoesNotFit => tracing::error!(
                session = %self.token.session,
                "a genuine tag around a wrong secret: a server key is leaking; replace the master key"
            ),
            _ => self.note_refused(outcome, row),
        }
        Err(RefreshError::Refused(outcome))
    }

    /// Writes the line that says why somebody was signed out: `ended` is how the session ended, if it has.
    fn note_refused(&self, outcome: RefreshOutcome, row: Option<&SessionWithUser>) {
        let user = row.map(|row| tracing::field::display(&row.session.grant.user));
        let ended = row.and_then(|row| row.why_not_live(self.by.at));
        let session = self.token.session;
        tracing::info!(%session, user, ended, outcome = outcome.as_str(), "a refresh was refused");
    }

    fn note(&self, of: Subject, change: Change) {
        self.app.events.note(of, change, Some(self.by.clone()));
    }

    fn pair_at(&self, row: &SessionWithUser, link: Link) -> Result<Pair, RefreshError> {
        let gone = || InternalError::new("the master key that this session was opened under is gone");
        let refresh = token_beside(self.token, &row.session, link, &self.app.server_keys)
            .and_then(|token| token.seal(&self.app.server_keys));
        super::open::pair(self.app, &self.terms.issuer, row, refresh.ok_or_else(gone)?, self.by.at)
            .map_err(RefreshError::from)
    }
}
