//! The list of what was taken back, signed, in pieces.
//!
//! A piece is a JWT of a type of its own, so that whoever follows the list
//! believes nobody but the issuer, however the piece reached them. One that
//! lists nothing new says by its time that nothing new was there.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::Timestamp;
use countersign_core::revocation::{Revocation, RevokedSessions};
use countersign_core::store::Whose;
use countersign_token::{SignError, TokenType};
use quick_cache::sync::Cache;
use serde_json::{Value, json};

use crate::app::App;
use crate::operations::cursor::Cursor;
use crate::operations::revocation_window::Piece;

/// How long a piece may be on its way.
const LIFETIME: Duration = Duration::from_secs(60);

/// For so long, who asks for the same piece gets the same text: strangers cannot have the server sign without end.
const SHARED: Duration = Duration::from_secs(2);

/// As [`SHARED`], for pieces with others behind them, of which nobody reads how new the list is.
const SHARED_IN_BETWEEN: Duration = Duration::from_secs(15);

/// Signed pieces that are kept: the whole list at 64,000 revocations in a quarter of an hour.
const KEPT: usize = 64;

/// A piece of the list, signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Where the list goes on.
    pub cursor: Cursor,
    /// Whether there is more already.
    pub has_more: bool,
    /// The JWT.
    pub text: Arc<str>,
    /// When it was signed.
    pub issued_at: Timestamp,
}

/// The pieces that were signed lately.
pub struct SignedPieces(Cache<Place, Signed>);

/// What a piece comes after, where it ends, and whether there is more.
type Place = (Option<Cursor>, Cursor, bool);

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
    let place = (piece.after, piece.cursor, piece.has_more);
    if let Some(signed) = app.signed_pieces.find(&place, now) {
        return Ok(signed);
    }
    let text = app.keyring.current().signing.sign(TokenType::Revocations, &claims(app, &piece, now))?;
    let Piece { cursor, has_more, .. } = piece;
    let signed = Signed { cursor, has_more, text: text.into(), issued_at: now };
    app.signed_pieces.0.insert(place, signed.clone());
    Ok(signed)
}

impl Default for SignedPieces {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl SignedPieces {
    fn find(&self, place: &Place, now: Timestamp) -> Option<Signed> {
        let signed = self.0.get(place)?;
        let shared = if signed.has_more { SHARED_IN_BETWEEN } else { SHARED };
        let is_fresh = now.since(signed.issued_at).is_some_and(|age| age < shared);
        is_fresh.then_some(signed)
    }
}

fn claims(app: &App, piece: &Piece, now: Timestamp) -> Value {
    let entries: Vec<_> = piece.entries.iter().map(|entry| listed(app, entry)).collect();
    json!({
        "iss": app.terms.issuer.name,
        "aud": app.terms.issuer.name,
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
