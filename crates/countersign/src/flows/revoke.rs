//! Taking sessions back.

use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Presence, Revoked, RevokedReason};
use countersign_core::store::{StoreError, Whose};
use countersign_core::{Secret, SessionId};

use crate::app::App;

/// Signs out the session that a refresh token belongs to. Garbage signs nobody out and is no error
/// (RFC 7009 §2.2).
///
/// # Errors
///
/// When the store cannot make it durable: the session may still be live.
pub async fn sign_out(app: &App, text: &Secret<String>, by: &Presence) -> Result<(), StoreError> {
    let Ok(token) = RefreshToken::parse(text.expose(), &app.server_keys) else { return Ok(()) };
    let how = Revoked { reason: RevokedReason::SignedOut, by: by.clone(), presented: None };
    // Whoever has the master key but no secret may not sign anybody out: the secret must fit.
    let Some(row) = app.store.session(token.session).await? else { return Ok(()) };
    if countersign_core::refresh::is_held(&app.server_keys, &row.session, &token) {
        end(app, token.session, &Whose::Everyone, how).await?;
    }
    Ok(())
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
    Ok(ended)
}
