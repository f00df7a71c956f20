//! Legacy tokens: tokens that the tutorial's old server signed. They are accepted until a configured date.
//!
//! A legacy token is a `jsonwebtoken` HS256 token with a claim that names a user. A
//! client can exchange each legacy refresh token once for a pair of this server. The
//! server keeps the token's hash until the token expires, so that it cannot be exchanged
//! again. A token is rejected if its user was signed out everywhere in or after the second
//! in which it was issued. Setting a user's first password does not count as a sign-out.

use aws_lc_rs::digest;
use countersign_core::session::Presence;
use countersign_core::store::{SingleUse, StoreError};
use countersign_core::user::User;
use countersign_core::{ClientId, Secret, Timestamp, UserId};
use countersign_token::{DEFAULT_LEEWAY, Scope, VerifyError, legacy};
use serde_json::{Map, Value};

use super::InternalError;
use super::Pair;
use super::open::{self, OpenError, Request, Terms};
use super::refresh::{self, RefreshError};
use super::revoke;
use crate::app::App;
use crate::services::metrics::RefreshOutcome;

/// Why a legacy token cannot be exchanged. The response does not contain the reason.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    /// Legacy tokens are not configured, or the configured date has passed.
    #[error("legacy tokens are not accepted")]
    Closed,
    /// The text is not a legacy token, was signed with another secret, or has expired.
    #[error("not a valid legacy token: {0}")]
    Invalid(#[from] VerifyError),
    /// The token is an access token that this server signed with a shared secret.
    #[error("the token is an access token of this server")]
    AccessToken,
    /// The claim is missing or is not an id, or no user has the id.
    #[error("the token's claim does not name a user")]
    NoSuchUser,
    #[error("the token's user is disabled")]
    Disabled(UserId),
    #[error("the user was signed out everywhere after the token was issued")]
    SignedOut(UserId),
    #[error("the token was exchanged before")]
    AlreadySpent(UserId),
    #[error("the session cannot be opened: {1}")]
    NotOpened(UserId, OpenError),
    #[error("the store is unavailable")]
    Unavailable(#[from] StoreError),
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl ExchangeError {
    /// The user, when the token is valid and names one.
    const fn user(&self) -> Option<&UserId> {
        match self {
            Self::Disabled(user)
            | Self::SignedOut(user)
            | Self::AlreadySpent(user)
            | Self::NotOpened(user, _) => Some(user),
            Self::Closed
            | Self::Invalid(_)
            | Self::AccessToken
            | Self::NoSuchUser
            | Self::Unavailable(_)
            | Self::Internal(_) => None,
        }
    }
}

/// Refreshes like [`refresh::refresh`], and also accepts a legacy token.
///
/// # Errors
///
/// The errors of [`refresh::refresh`]. A rejected legacy token has the same error as a token that this server
/// did not issue.
pub async fn refresh(
    app: &App,
    text: &Secret<String>,
    client: &ClientId,
    by: &Presence,
) -> Result<Pair, RefreshError> {
    let refreshed = refresh::try_refresh(app, text, client, by).await;
    if !matches!(refreshed, Err(RefreshError::Refused(RefreshOutcome::NotOurs))) {
        return refreshed;
    }
    match Box::pin(exchange(app, text, by)).await {
        Ok(pair) => {
            app.metrics.count_sign_in("exchanged");
            Ok(pair)
        }
        Err(ExchangeError::Unavailable(error)) => Err(error.into()),
        Err(ExchangeError::Internal(error)) => Err(error.into()),
        Err(ExchangeError::Closed) => {
            refresh::note_not_ours();
            refreshed
        }
        Err(error) => {
            if matches!(error, ExchangeError::AlreadySpent(_)) {
                app.metrics.count_sign_in("exchanged_before");
            }
            let user = error.user().map(tracing::field::display);
            tracing::info!(user, reason = %error, "a legacy refresh token was refused");
            refreshed
        }
    }
}

/// Revokes the session of a refresh token. Returns whether the token belongs to a session. A legacy token is
/// exchanged and the new session revoked, so that the token cannot be exchanged later.
///
/// # Errors
///
/// When the store cannot make the revocation durable.
pub async fn sign_out(app: &App, text: &Secret<String>, by: &Presence) -> Result<bool, StoreError> {
    if revoke::sign_out(app, text, by).await? {
        return Ok(true);
    }
    match Box::pin(exchange(app, text, by)).await {
        Ok(pair) => revoke::sign_out(app, &pair.refresh, by).await,
        Err(ExchangeError::Unavailable(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

async fn exchange(app: &App, text: &Secret<String>, by: &Presence) -> Result<Pair, ExchangeError> {
    let key = app.legacy.refresh.as_ref().filter(|_| by.at < app.legacy.accept_until);
    let claims = legacy::verify(text.expose(), key.ok_or(ExchangeError::Closed)?, DEFAULT_LEEWAY, by.at)?;
    // With HS256, this server's access tokens may be signed with the same secret. Their claims differ.
    if claims.get("iss").and_then(Value::as_str) == Some(app.terms.issuer.name.as_str())
        || ["sid", "client_id"].iter().any(|name| claims.contains_key(*name))
    {
        return Err(ExchangeError::AccessToken);
    }
    let user = user_of(app, &claims).await?;
    let digest = digest::digest(&digest::SHA256, text.expose().as_bytes());
    let digest = digest.as_ref().try_into().expect("SHA-256 yields 32 bytes");
    let expires_at = time(&claims, "exp").map_or(app.legacy.accept_until, |expires_at| {
        expires_at.plus(std::time::Duration::from_secs(1)).plus(DEFAULT_LEEWAY)
    });
    let single = SingleUse { digest, expires_at };
    let request = Request::first_party(&Scope::default());
    let terms = Terms { spending: Some(&single), ..Terms::default() };
    open::open(app, &user, request, by, terms).await.map_err(|error| match error {
        OpenError::Unavailable(error) => ExchangeError::Unavailable(error),
        OpenError::Internal(error) => ExchangeError::Internal(error),
        OpenError::AlreadySpent => ExchangeError::AlreadySpent(user.id),
        error => ExchangeError::NotOpened(user.id, error),
    })
}

/// Verifies a legacy access token and returns its claims. `None` after the configured date.
pub fn verify_access(app: &App, text: &str) -> Option<Map<String, Value>> {
    let now = app.world.now();
    let key = app.legacy.access.as_ref().filter(|_| now < app.legacy.accept_until)?;
    legacy::verify(text, key, DEFAULT_LEEWAY, now).ok()
}

async fn user_of(app: &App, claims: &Map<String, Value>) -> Result<User, ExchangeError> {
    let id = match claims.get(&app.legacy.user_id_claim) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(ExchangeError::NoSuchUser),
    };
    let id = id.parse::<UserId>().map_err(|_| ExchangeError::NoSuchUser)?;
    let user = app.store.user(&id).await?.ok_or(ExchangeError::NoSuchUser)?;
    if !user.is_enabled() {
        return Err(ExchangeError::Disabled(id));
    }
    // `iat` has whole seconds. If both events were in the same second, the sign-out may be the later one. The
    // time of a token without `iat` is unknown.
    let is_issued_before = |ended_at| time(claims, "iat").is_none_or(|issued_at| issued_at <= ended_at);
    if user.sessions_ended_at.is_some_and(is_issued_before) {
        return Err(ExchangeError::SignedOut(id));
    }
    Ok(user)
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction, in whole seconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates: a time before the epoch becomes the epoch, and one that is too late the last time"
)]
fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let seconds = claims.get(name)?.as_f64()?;
    Some(Timestamp::from_seconds(seconds.max(0.0) as u64))
}
