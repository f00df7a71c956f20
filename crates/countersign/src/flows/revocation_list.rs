//! The revocation list, in signed pages.
//!
//! A page is a JWT with its own `typ`. A follower verifies the signature, so the transport
//! does not have to be trusted. If a page has no entries, nothing was revoked until its `iat`.

use std::time::Duration;

use countersign_core::Timestamp;
use countersign_core::revocation::{Revocation, RevokedSessions};
use countersign_core::session::Whose;
use countersign_token::{SignError, TokenType};
use serde_json::{Value, json};

use crate::app::App;
use crate::services::cursor::Cursor;
use crate::services::revocation_window::RevocationPage;
use crate::services::signed_pages::{PageKey, SignedPage};

/// How long a page is valid after it was signed.
const LIFETIME: Duration = Duration::from_secs(60);

/// Why the server cannot return a page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The last successful read of the store is too old, so the list may be incomplete.
    #[error("the revocation list is not up to date")]
    Stale,
    #[error("the revocation list cannot be signed")]
    Sign(#[from] SignError),
}

/// Checks that the list was read from the store recently enough.
///
/// # Errors
///
/// [`ListError::Stale`] when it was not.
pub fn check_up_to_date(app: &App) -> Result<(), ListError> {
    let is_up_to_date = app.revocations.is_up_to_date(app.world.now());
    is_up_to_date.then_some(()).ok_or(ListError::Stale)
}

/// Returns the signed page after a cursor, or the first page.
///
/// # Errors
///
/// [`ListError::Stale`] when the list may be incomplete, [`ListError::Sign`] when signing fails.
pub fn after(app: &App, cursor: Option<Cursor>) -> Result<SignedPage, ListError> {
    check_up_to_date(app)?;
    let now = app.world.now();
    let page = app.revocations.after(cursor);
    let key = PageKey { after: page.after, cursor: page.cursor, has_more: page.has_more };
    if let Some(signed) = app.signed_pages.find(&key, now) {
        return Ok(signed);
    }
    let text = app.keyring.current().signing.sign(TokenType::Revocations, &claims(app, &page, now))?;
    let signed = SignedPage { cursor: key.cursor, has_more: key.has_more, text: text.into(), issued_at: now };
    app.signed_pages.keep(key, signed.clone());
    Ok(signed)
}

fn claims(app: &App, page: &RevocationPage, now: Timestamp) -> Value {
    let entries: Vec<_> = page.entries.iter().map(|entry| listed(app, entry)).collect();
    json!({
        "iss": app.terms.issuer.name,
        "aud": app.terms.issuer.name,
        "iat": now,
        "exp": now.plus(LIFETIME),
        "after": page.after.map(|cursor| cursor.to_string()),
        "cursor": page.cursor.to_string(),
        "more": page.has_more,
        "revocations": entries,
    })
}

/// An entry names one session, or all sessions of an owner up to the session `up_to`. `exp` is the time until
/// which a follower must remember the entry.
fn listed(app: &App, entry: &Revocation) -> Value {
    let mut listed = json!({ "exp": app.revocations.expires_at(entry) });
    match &entry.of {
        RevokedSessions::One(session) => listed["sid"] = session.to_string().into(),
        RevokedSessions::UpTo { whose, newest, except } => {
            listed["up_to"] = newest.to_string().into();
            if let Some(session) = except {
                listed["except"] = session.to_string().into();
            }
            match whose {
                Whose::User(user) => listed["sub"] = user.as_str().into(),
                Whose::Client(client) => listed["client_id"] = client.as_str().into(),
                Whose::Everyone => {}
            }
        }
    }
    listed
}
