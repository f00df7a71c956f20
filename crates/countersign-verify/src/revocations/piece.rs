//! One piece of the list as it travels: a JWT of its own type, signed with the keys that sign access tokens.
//!
//! There is no way to a [`RevocationPiece`] but through its verification, so nothing else can be applied. Entries
//! of a form that is not known spoil the piece: what cannot be understood cannot be obeyed.

use countersign_token::{Expected, KeySet, Timestamp, TokenType, VerifyError, verify};
use serde::{Deserialize, Deserializer};

use super::CLOCK_DIFFERENCE;
use super::coverage::{Expiry, Span};
use super::session_id::SessionId;

/// A verified piece of an issuer's list of revocations.
#[derive(Debug)]
pub struct RevocationPiece {
    pub(super) issued_at: Timestamp,
    /// The cursor that it comes after; `None`: it begins with the oldest entry.
    pub(super) after: Option<String>,
    pub(super) cursor: String,
    pub(super) has_more: bool,
    pub(super) entries: Vec<Entry>,
}

/// The text is no piece of this issuer's list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PieceError {
    /// At fault: whoever sent it. It is of another issuer, of another type, too old, or not signed by a known key.
    #[error("the piece does not verify")]
    Token(#[from] VerifyError),
    /// At fault: an issuer that is newer than this library, or broken.
    #[error("the piece is not understood: {0}")]
    Content(&'static str),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) expires: Expiry,
    pub(super) whose: Whose,
}

#[derive(Debug)]
pub(super) enum Whose {
    Session(SessionId),
    User(Box<str>, Span),
    Client(Box<str>, Span),
    Everyone(Span),
}

/// It goes into the header `Last-Event-ID`.
const LONGEST_CURSOR: usize = 128;

impl RevocationPiece {
    /// Verifies a piece completely: type, signature, issuer, audience (which is the issuer), times and form.
    ///
    /// # Errors
    ///
    /// When one of them is not as it must be.
    pub fn verify(text: &str, keys: &KeySet, issuer: &str, now: Timestamp) -> Result<Self, PieceError> {
        let expected = Expected {
            issuer: issuer.to_owned(),
            audience: issuer.to_owned(),
            token_type: TokenType::Revocations,
            leeway: CLOCK_DIFFERENCE,
        };
        verify::<Claims>(text, keys, &expected, now)?.try_into()
    }
}

#[cfg(feature = "fetch")]
impl RevocationPiece {
    /// Whether it holds the oldest entry, instead of what comes after another piece.
    pub(crate) const fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// When the issuer signed it, by its clock.
    pub(crate) const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Where the list goes on behind it.
    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    /// Whether there is more behind it already.
    pub(crate) const fn has_more(&self) -> bool {
        self.has_more
    }
}

impl TryFrom<Claims> for RevocationPiece {
    type Error = PieceError;

    fn try_from(claims: Claims) -> Result<Self, PieceError> {
        let is_cursor = |text: &String| {
            (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !is_cursor(&claims.cursor) || claims.after.as_ref().is_some_and(|after| !is_cursor(after)) {
            return Err(PieceError::Content("cursor"));
        }
        let entries = claims.revocations.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        Ok(Self {
            issued_at: claims.iat,
            after: claims.after,
            cursor: claims.cursor,
            has_more: claims.more,
            entries,
        })
    }
}

impl Entry {
    pub(super) fn is_of_one_session(&self) -> bool {
        matches!(self.whose, Whose::Session(_))
    }
}

impl TryFrom<Listed> for Entry {
    type Error = PieceError;

    fn try_from(listed: Listed) -> Result<Self, PieceError> {
        let id = |text: String| SessionId::parse(&text).ok_or(PieceError::Content("session id"));
        let span = |up_to: String, except: Option<String>| {
            Ok::<_, PieceError>(Span { up_to: id(up_to)?, except: except.map(id).transpose()? })
        };
        let whose = match listed {
            Listed { sid: Some(sid), up_to: None, sub: None, client_id: None, except: None, .. } => {
                Whose::Session(id(sid)?)
            }
            Listed { sid: None, up_to: Some(up_to), sub: Some(sub), client_id: None, except, .. } => {
                Whose::User(sub.into(), span(up_to, except)?)
            }
            Listed { sid: None, up_to: Some(up_to), sub: None, client_id: Some(client), except, .. } => {
                Whose::Client(client.into(), span(up_to, except)?)
            }
            Listed { sid: None, up_to: Some(up_to), sub: None, client_id: None, except, .. } => {
                Whose::Everyone(span(up_to, except)?)
            }
            Listed { .. } => return Err(PieceError::Content("entry")),
        };
        Ok(Self { expires: Expiry::at(listed.exp), whose })
    }
}

#[derive(Deserialize)]
struct Claims {
    iat: Timestamp,
    #[serde(deserialize_with = "nullable")]
    after: Option<String>,
    cursor: String,
    more: bool,
    revocations: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    exp: Timestamp,
    #[serde(default, deserialize_with = "present")]
    sid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    up_to: Option<String>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "present")]
    client_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    except: Option<String>,
}

/// `null` is not absent: an entry of nobody in particular would be one of everybody.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// `null` says that the piece is the first one; without the claim nobody knows.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}
