//! The list of what was taken back, signed, in pieces.
//!
//! A piece is a JWT of a type of its own, so that whoever follows the list
//! believes nobody but the issuer, however the piece reached them. One that
//! lists nothing new says by its time that nothing new was there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::Timestamp;
use countersign_core::revocation::{Revocation, RevokedSessions};
use countersign_core::store::{StoreError, Whose};
use countersign_token::{SignError, TokenType};
use serde_json::{Value, json};

use crate::app::App;
use crate::operations::revocation_window::{Cursor, Piece, expires_at};

/// How long a piece may be on its way.
const LIFETIME: Duration = Duration::from_secs(60);

/// For so long, who asks for the same piece gets the same text: strangers cannot have the server sign without end.
const SHARED: Duration = Duration::from_secs(1);

/// A piece of the list, signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Where the list goes on.
    pub cursor: Cursor,
    /// Whether there is more already.
    pub has_more: bool,
    /// The JWT.
    pub text: Arc<str>,
    after: Option<Cursor>,
    issued_at: Timestamp,
}

/// The piece that was signed last.
#[derive(Debug, Default)]
pub struct LastSigned(Mutex<Option<Signed>>);

/// Why there is no piece.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The store has not answered lately: there could be more than is known.
    #[error("the list of revocations is not up to date")]
    Stale,
    /// It cannot be signed.
    #[error("the list of revocations cannot be signed")]
    Sign(#[from] SignError),
}

/// Whether the list can be served: the store has answered lately.
///
/// # Errors
///
/// [`ListError::Stale`].
pub fn check_up_to_date(app: &App) -> Result<(), ListError> {
    let is_up_to_date = app.revocations.is_up_to_date(app.world.now());
    is_up_to_date.then_some(()).ok_or(ListError::Stale)
}

/// The piece of the list after a cursor.
///
/// # Errors
///
/// [`ListError`].
pub fn after(app: &App, cursor: Option<Cursor>) -> Result<Signed, ListError> {
    check_up_to_date(app)?;
    let now = app.world.now();
    let piece = app.revocations.after(cursor);
    if let Some(signed) = app.last_signed.find(&piece, now) {
        return Ok(signed);
    }
    let text = app.keyring.current().signing.sign(TokenType::Revocations, &claims(app, &piece, now))?;
    let Piece { after, cursor, has_more, .. } = piece;
    let signed = Signed { cursor, has_more, text: text.into(), after, issued_at: now };
    app.last_signed.keep(signed.clone());
    Ok(signed)
}

impl LastSigned {
    fn find(&self, piece: &Piece, now: Timestamp) -> Option<Signed> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |signed: &&Signed| {
            let is_fresh = now.since(signed.issued_at).is_some_and(|age| age < SHARED);
            is_fresh && signed.after == piece.after && signed.cursor == piece.cursor
        };
        last.as_ref().filter(is_it).cloned()
    }

    fn keep(&self, signed: Signed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(signed);
    }
}

fn claims(app: &App, piece: &Piece, now: Timestamp) -> Value {
    let entries: Vec<_> = piece.entries.iter().map(|entry| listed(app, entry)).collect();
    json!({
        "iss": app.issuer.name,
        "aud": app.issuer.name,
        "iat": now,
        "exp": now.plus(LIFETIME),
        "after": piece.after.map(|cursor| cursor.to_string()),
        "cursor": piece.cursor.to_string(),
        "more": piece.has_more,
        "revocations": entries,
    })
}

/// An entry: the tokens of one session, or of all up to one, and until when anybody must remember it.
fn listed(app: &App, entry: &Revocation) -> Value {
    let mut listed = json!({ "exp": expires_at(app, entry) });
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

impl From<ListError> for StoreError {
    fn from(error: ListError) -> Self {
        Self::caused_by("the list of revocations cannot be served", error)
    }
}
