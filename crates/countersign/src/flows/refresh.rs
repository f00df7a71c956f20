//! Refreshing: one conditional write. If its condition fails, the flow reads the row and judges it.

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

/// How often the flow reads the row while other requests keep changing it.
const ATTEMPTS: u32 = 3;

/// Why a refresh failed. The response has less detail than this error.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token was rejected. Only the log has the outcome.
    #[error("the refresh token was rejected ({})", .0.as_str())]
    Refused(RefreshOutcome),
    /// The same spent token was presented too often in its grace period. Holds the time to wait.
    #[error("the same spent refresh token was presented too often")]
    TooManyReplays(Duration),
    /// The session was refreshed too often. Holds the time to wait.
    #[error("the session was refreshed too often")]
    TooOften(Duration),
    /// Other requests changed the session each time between this request's read and write.
    #[error("other requests changed the session {ATTEMPTS} times in a row")]
    Contended,
    /// The store failed. The client can retry with the same token.
    #[error("the store is unavailable")]
    Unavailable(#[from] StoreError),
    /// The server cannot sign or seal the new pair.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Exchanges a refresh token for the next pair.
///
/// # Errors
///
/// [`RefreshError`]: the token was rejected, a throttle applies, or the server failed.
pub async fn refresh(
    app: &App,
    text: &Secret<String>,
    client: &ClientId,
    by: &Presence,
) -> Result<Pair, RefreshError> {
    let refreshed = try_refresh(app, text, client, by).await;
    if matches!(refreshed, Err(RefreshError::Refused(RefreshOutcome::NotOurs))) {
        note_not_ours();
    }
    refreshed
}

/// Like [`refresh`], but does not log a token that this server did not issue: the caller may accept it as a
/// legacy token.
pub(super) async fn try_refresh(
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

/// Logs that this server did not issue the token.
pub(super) fn note_not_ours() {
    tracing::info!(outcome = RefreshOutcome::NotOurs.as_str(), "a refresh was refused");
}

/// One request with a token whose tag is valid.
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
        // The rare path is boxed, so that its state does not enlarge the future of every refresh.
        Box::pin(self.explain()).await
    }

    /// Reads and judges the row after the condition of the write failed.
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
        // Another request may have changed the row after this request began. Without `max`, the time of that
        // change would be in the future.
        let now = self.by.at.max(self.app.world.now());
        if let Some(row) = row.filter(|row| refresh::age(row.session.refreshed.at, now).is_none()) {
            tracing::error!(
                session = %row.session.id,
                "this node's clock is behind the time at which another node refreshed a session: clock_skew"
            );
        }
        refresh::judge(&self.app.server_keys, row, self.presented(), self.policy(), now)
    }

    /// `None`: another request changed the row first. Read and judge it again.
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
            // `judge` only returns this verdict for a row.
            (Verdict::Replay(_), None) => Some(self.refused(Refusal::NoSuchSession, None)),
        }
    }

    async fn advanced(&self, advance: Advance, rotated: Rotated, step: Step) -> Exchanged {
        // The server signs the access token while the store makes the step durable, and returns it
        // afterwards.
        let prepared = rotated.prepare(|moved| {
            // The write needs no earlier read, so this is the first check for a tampered row. It comes before
            // any token is returned.
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
        revoke::update_list(self.app).await;
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
        let is_expired =
            |session: &&Session| session.state == SessionState::Active && !session.is_live(self.by.at);
        if let Some(expired) = session.filter(is_expired) {
            self.app.events.note_expiry(expired, self.by);
        }
        let retention = self.policy().absolute_lifetime;
        let is_young = refresh::age(self.token.issued_at, self.by.at).is_some_and(|age| age < retention);
        match refusal {
            Refusal::NoSuchSession if is_young => {
                tracing::error!(
                    session = %self.token.session,
                    "a genuine refresh token names a session that does not exist"
                );
            }
            Refusal::SecretDoesNotFit => tracing::error!(
                session = %self.token.session,
                "a refresh token has a valid tag but a wrong secret: a server key has leaked; replace the master key"
            ),
            _ => self.note_refused(outcome, row),
        }
        Err(RefreshError::Refused(outcome))
    }

    /// Logs why a refresh was rejected. `ended` is the reason why the session ended, if it has ended.
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
        let missing =
            || InternalError::new("the master key under which this session was opened is not configured");
        let refresh = token_beside(self.token, &row.session, link, &self.app.server_keys)
            .and_then(|token| token.seal(&self.app.server_keys));
        super::open::pair(self.app, &self.terms.issuer, row, refresh.ok_or_else(missing)?, self.by.at)
            .map_err(RefreshError::from)
    }
}
