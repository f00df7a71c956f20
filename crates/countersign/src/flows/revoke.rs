//! Revoking sessions.

use countersign_core::client::Client;
use countersign_core::device::KnownDevice;
use countersign_core::refresh::is_held;
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Presence, Revoked, RevokedReason, Whose};
use countersign_core::store::StoreError;
use countersign_core::user::User;
use countersign_core::{Secret, SessionId};

use super::authenticate_client::is_confidential;
use super::introspect::access_token;
use crate::app::App;

/// Signs out the session that a refresh token belongs to, and tells whether the token belongs to one. Garbage signs
/// nobody out and is no error (RFC 7009 §2.2).
///
/// # Errors
///
/// When the store cannot make it durable: the session may still be live.
pub async fn sign_out(app: &App, text: &Secret<String>, by: &Presence) -> Result<bool, StoreError> {
    let Ok(token) = RefreshToken::parse(text.expose(), &app.server_keys) else {
        if !text.expose().is_empty() {
            note_nothing_revoked(None, "not_ours");
        }
        return Ok(false);
    };
    let session = token.session;
    let how = Revoked { reason: RevokedReason::SignedOut, by: by.clone(), presented: None };
    // Whoever has the master key but no secret may not sign anybody out: the secret must fit.
    let Some(row) = app.store.session(session).await? else {
        note_nothing_revoked(Some(session), "no_such_session");
        return Ok(false);
    };
    let is_held = is_held(&app.server_keys, &row.session, &token);
    // A confidential client proves who it is wherever its tokens are used: at `/oauth2/revoke`.
    if !is_held {
        note_nothing_revoked(Some(session), "tag_without_secret");
    } else if is_confidential(app, &row.session.grant.client).await? {
        note_nothing_revoked(Some(session), "confidential_client");
    } else {
        end_or_note(app, session, &Whose::Everyone, how).await?;
    }
    Ok(is_held)
}

/// What became of a client's wish to take a token back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRevocation {
    /// Its session has ended, now or before, or it was no token of ours.
    Done,
    /// It was issued to another client; nothing was changed.
    NotTheirs,
}

/// Takes back a refresh token or an access token on behalf of the client that it was issued to (RFC 7009), and the
/// session with it.
///
/// # Errors
///
/// When the store cannot make it durable: the token may still be good.
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
        Err(_) => access_token(app, &audiences, text.expose())
            .and_then(|claims| Some((claims.sid.parse().ok()?, claims.client_id.parse().ok()?))),
    };
    let Some((session, client)) = session else {
        note_nothing_revoked(None, "no_valid_token");
        return Ok(TokenRevocation::Done);
    };
    if client != caller.id {
        note_nothing_revoked(Some(session), "another_client");
        return Ok(TokenRevocation::NotTheirs);
    }
    let how = Revoked { reason: RevokedReason::SignedOut, by: by.clone(), presented: None };
    end_or_note(app, session, &Whose::Client(client), how).await?;
    Ok(TokenRevocation::Done)
}

async fn end_or_note(app: &App, session: SessionId, of: &Whose, how: Revoked) -> Result<(), StoreError> {
    if !end(app, session, of, how).await? {
        note_nothing_revoked(Some(session), "ended_before");
    }
    Ok(())
}

fn note_nothing_revoked(session: Option<SessionId>, reason: &str) {
    tracing::info!(session = session.map(tracing::field::display), reason, "a token revoked no session");
}

/// Ends one session among `of`. `false`: there is no such live session there.
///
/// # Errors
///
/// When the store cannot make it durable.
pub async fn end(app: &App, session: SessionId, of: &Whose, how: Revoked) -> Result<bool, StoreError> {
    let ended = app.store.revoke(session, of, &how).await?;
    if ended {
        tracing::info!(%session, reason = how.reason.as_str(), "a session was revoked");
        app.metrics.count_revoked(1);
        take_note(app).await;
    }
    Ok(ended)
}

/// Ends all sessions among `of` but `except`; answers how many.
///
/// # Errors
///
/// When the store cannot make it durable.
pub async fn end_all(
    app: &App,
    of: &Whose,
    except: Option<SessionId>,
    how: Revoked,
) -> Result<u64, StoreError> {
    let ended = app.store.revoke_all(of, except, &how).await?;
    tracing::info!(?of, ended, reason = how.reason.as_str(), "sessions were revoked");
    app.metrics.count_revoked(ended);
    take_note(app).await;
    Ok(ended)
}

/// What revoking a user's own sessions did.
#[derive(Debug)]
pub struct Ended {
    /// How many sessions were revoked.
    pub count: u64,
    /// A new token for the device that asked, if the account knew it: revoking all sessions made the old one invalid.
    pub device_token: Option<Secret<String>>,
}

/// Revokes all sessions of a user but `except`, for the user. `device` is the text of the device token that the request
/// carried.
///
/// # Errors
///
/// When the store cannot make it durable.
pub async fn end_own(
    app: &App,
    mut user: User,
    except: Option<SessionId>,
    how: Revoked,
    device: Option<&str>,
) -> Result<Ended, StoreError> {
    let device = device.and_then(|text| KnownDevice::parse(text, &user.username, &app.server_keys));
    let is_known = device.is_some_and(|device| device.is_of(&user, &app.server_keys));
    let count = end_all(app, &Whose::User(user.id.clone()), except, how).await?;
    let device_token = is_known.then(|| {
        // A device token is bound to the user's epoch, which has moved on by one. If another request moved it too, the
        // new token is not valid, and the next sign-in replaces it.
        user.epoch += 1;
        KnownDevice::issue(&user, &app.server_keys, &app.world)
    });
    Ok(Ended { count, device_token })
}

/// Refuses access tokens of what was just revoked from now on. If the store fails here, the next reading of the list
/// does it.
pub(super) async fn take_note(app: &App) {
    app.revocations.catch_up(&*app.store, &app.world).await.ok();
}
