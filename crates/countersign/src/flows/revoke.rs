//! Revoking sessions: sign-out, RFC 7009, and revocation by the user or an administrator.

use countersign_core::client::Client;
use countersign_core::device::KnownDevice;
use countersign_core::refresh::is_held;
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Presence, Revoked, RevokedReason, Whose};
use countersign_core::store::StoreError;
use countersign_core::user::User;
use countersign_core::{Secret, SessionId};

use super::access_token;
use super::authenticate_client::is_confidential;
use crate::app::App;

/// Revokes the session of a refresh token. Returns whether the token belongs to a session. A malformed or
/// unknown token revokes nothing and is not an error (RFC 7009 §2.2).
///
/// # Errors
///
/// When the store cannot make the revocation durable. The session may still be live.
pub async fn sign_out(app: &App, text: &Secret<String>, by: &Presence) -> Result<bool, StoreError> {
    let Ok(token) = RefreshToken::parse(text.expose(), &app.server_keys) else {
        if !text.expose().is_empty() {
            note_nothing_revoked(None, "not_ours");
        }
        return Ok(false);
    };
    let session = token.session;
    let how = Revoked { reason: RevokedReason::SignedOut, by: by.clone(), presented: None };
    // An attacker who has the master key can forge the tag, but not the token's secret, which must match too.
    let Some(row) = app.store.session(session).await? else {
        note_nothing_revoked(Some(session), "no_such_session");
        return Ok(false);
    };
    let is_held = is_held(&app.server_keys, &row.session, &token);
    // A confidential client must authenticate to use its tokens. It revokes them at `/oauth2/revoke`.
    if !is_held {
        note_nothing_revoked(Some(session), "tag_without_secret");
    } else if is_confidential(app, &row.session.grant.client).await? {
        note_nothing_revoked(Some(session), "confidential_client");
    } else {
        revoke_or_note(app, session, &Whose::Everyone, how).await?;
    }
    Ok(is_held)
}

/// The result of a revocation request (RFC 7009).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRevocation {
    /// The session has ended, now or before, or this server did not issue the token.
    Done,
    /// The token was issued to another client. Nothing was changed.
    OtherClient,
}

/// Revokes the session of a refresh token or access token for the client that the token was issued to (RFC
/// 7009).
///
/// # Errors
///
/// When the store cannot make the revocation durable. The token may still be valid.
pub async fn revoke_token(
    app: &App,
    caller: &Client,
    text: &Secret<String>,
    by: &Presence,
) -> Result<TokenRevocation, StoreError> {
    let audiences = [std::slice::from_ref(&app.audience), &caller.settings.audiences].concat();
    let session = match RefreshToken::parse(text.expose(), &app.server_keys) {
        Ok(token) => {
            let row = app.store.session(token.session).await?;
            let held = row.filter(|row| is_held(&app.server_keys, &row.session, &token));
            held.map(|row| (row.session.id, row.session.grant.client))
        }
        Err(_) => access_token::verify(app, &audiences, text.expose())
            .await?
            .ok()
            .and_then(|claims| Some((claims.sid.parse().ok()?, claims.client_id.parse().ok()?))),
    };
    let Some((session, client)) = session else {
        note_nothing_revoked(None, "no_valid_token");
        return Ok(TokenRevocation::Done);
    };
    if client != caller.id {
        note_nothing_revoked(Some(session), "another_client");
        return Ok(TokenRevocation::OtherClient);
    }
    let how = Revoked { reason: RevokedReason::SignedOut, by: by.clone(), presented: None };
    revoke_or_note(app, session, &Whose::Client(client), how).await?;
    Ok(TokenRevocation::Done)
}

async fn revoke_or_note(app: &App, session: SessionId, of: &Whose, how: Revoked) -> Result<(), StoreError> {
    if !revoke(app, session, of, how).await? {
        note_nothing_revoked(Some(session), "ended_before");
    }
    Ok(())
}

fn note_nothing_revoked(session: Option<SessionId>, reason: &str) {
    tracing::info!(session = session.map(tracing::field::display), reason, "a token revoked no session");
}

/// Revokes one session of `of`. `false`: `of` has no live session with this id.
///
/// # Errors
///
/// When the store cannot make the revocation durable.
pub async fn revoke(app: &App, session: SessionId, of: &Whose, how: Revoked) -> Result<bool, StoreError> {
    let is_revoked = app.store.revoke(session, of, &how).await?;
    if is_revoked {
        tracing::info!(%session, reason = how.reason.as_str(), "a session was revoked");
        app.metrics.count_revoked(1);
        update_list(app).await;
    }
    Ok(is_revoked)
}

/// Revokes all sessions of `of` except the session `except`. Returns the number of revoked sessions.
///
/// # Errors
///
/// When the store cannot make the revocation durable.
pub async fn revoke_all(
    app: &App,
    of: &Whose,
    except: Option<SessionId>,
    how: Revoked,
) -> Result<u64, StoreError> {
    let ended = app.store.revoke_all(of, except, &how).await?;
    tracing::info!(?of, ended, reason = how.reason.as_str(), "sessions were revoked");
    app.metrics.count_revoked(ended);
    update_list(app).await;
    Ok(ended)
}

/// The result of [`revoke_own`].
#[derive(Debug)]
pub struct RevokedOwn {
    /// The number of revoked sessions.
    pub count: u64,
    /// A new token for the device that sent the request, if the account knew the device. Revoking all
    /// sessions made the old token invalid.
    pub device_token: Option<Secret<String>>,
}

/// Revokes all sessions of a user except the session `except`, at the user's request. `device` is the device
/// token of the request.
///
/// # Errors
///
/// When the store cannot make the revocation durable.
pub async fn revoke_own(
    app: &App,
    mut user: User,
    except: Option<SessionId>,
    how: Revoked,
    device: Option<&str>,
) -> Result<RevokedOwn, StoreError> {
    let device = device.and_then(|text| KnownDevice::parse(text, &user.username, &app.server_keys));
    let is_known = device.is_some_and(|device| device.is_of(&user, &app.server_keys));
    let count = revoke_all(app, &Whose::User(user.id.clone()), except, how).await?;
    let device_token = is_known.then(|| {
        // A device token is bound to the user's epoch, which the revocation increased by one. If another
        // request increased the epoch too, the new token is not valid, and the next sign-in replaces it.
        user.epoch += 1;
        KnownDevice::issue(&user, &app.server_keys, &app.world)
    });
    Ok(RevokedOwn { count, device_token })
}

/// Reads the new revocations into the list, so that this process rejects their access tokens from now on. If
/// the store fails here, the next periodic read does it.
pub(super) async fn update_list(app: &App) {
    app.revocations.catch_up(&*app.store, &app.world).await.ok();
}
