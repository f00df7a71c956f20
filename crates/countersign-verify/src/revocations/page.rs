//! A page of the revocation list: a JWT of the type `revocations+jwt`, signed with the keys that sign access
//! tokens.
//!
//! A [`RevocationPage`] can be created only by verification, so unverified entries cannot be applied. An
//! entry of an unknown form makes the whole page invalid: if it were ignored, a revoked session might be
//! accepted.

use countersign_token::{Expected, KeySet, Timestamp, TokenType, VerifyError, verify};
use serde::{Deserialize, Deserializer};

use super::CLOCK_DIFFERENCE;
use super::coverage::{Expiry, Span};
use super::session_id::SessionId;

/// A verified page of an issuer's revocation list. Pass it to [`crate::RevocationFeed::apply`].
#[derive(Debug)]
pub struct RevocationPage {
    pub(super) issued_at: Timestamp,
    /// The cursor that precedes the page, or `None` if the page begins with the oldest entry.
    pub(super) after: Option<String>,
    pub(super) cursor: String,
    pub(super) has_more: bool,
    pub(super) entries: Vec<Entry>,
}

/// The text is not a valid page of this issuer's list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// At fault: the sender. The page is from another issuer, of another type, expired, or not signed with a
    /// known key.
    #[error("the page could not be verified")]
    Token(#[from] VerifyError),
    /// At fault: the issuer. It may be newer than this crate and use an unknown form of entries.
    #[error("the page has an invalid {0}")]
    Content(&'static str),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) expires: Expiry,
    pub(super) target: Target,
}

#[derive(Debug)]
pub(super) enum Target {
    Session(SessionId),
    User(Box<str>, Span),
    Client(Box<str>, Span),
    Everyone(Span),
}

/// In bytes. The cursor is sent in the header `Last-Event-ID`.
const LONGEST_CURSOR: usize = 128;

impl RevocationPage {
    /// Verifies a page: its type, signature, issuer, times and content. Its audience must be the issuer.
    ///
    /// # Errors
    ///
    /// - [`PageError::Token`] if the JWT is invalid, expired, of another type, or from another issuer.
    /// - [`PageError::Content`] if a cursor or an entry is invalid.
    pub fn verify(text: &str, keys: &KeySet, issuer: &str, now: Timestamp) -> Result<Self, PageError> {
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
impl RevocationPage {
    /// Whether the page begins with the oldest entry, and does not follow another page.
    pub(crate) const fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// When the issuer signed the page, by its clock.
    pub(crate) const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// The position after the page.
    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    /// Whether the issuer already has a next page.
    pub(crate) const fn has_more(&self) -> bool {
        self.has_more
    }
}

impl TryFrom<Claims> for RevocationPage {
    type Error = PageError;

    fn try_from(claims: Claims) -> Result<Self, PageError> {
        let is_cursor = |text: &String| {
            (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !is_cursor(&claims.cursor) || claims.after.as_ref().is_some_and(|after| !is_cursor(after)) {
            return Err(PageError::Content("cursor"));
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
        matches!(self.target, Target::Session(_))
    }
}

impl TryFrom<EntryClaims> for Entry {
    type Error = PageError;

    fn try_from(claims: EntryClaims) -> Result<Self, PageError> {
        let id = |text: String| SessionId::parse(&text).ok_or(PageError::Content("session ID"));
        let span = |up_to: String, except: Option<String>| {
            Ok::<_, PageError>(Span { up_to: id(up_to)?, except: except.map(id).transpose()? })
        };
        let target = match claims {
            EntryClaims { sid: Some(sid), up_to: None, sub: None, client_id: None, except: None, .. } => {
                Target::Session(id(sid)?)
            }
            EntryClaims {
                sid: None, up_to: Some(up_to), sub: Some(sub), client_id: None, except, ..
            } => Target::User(sub.into(), span(up_to, except)?),
            EntryClaims {
                sid: None, up_to: Some(up_to), sub: None, client_id: Some(client), except, ..
            } => Target::Client(client.into(), span(up_to, except)?),
            EntryClaims { sid: None, up_to: Some(up_to), sub: None, client_id: None, except, .. } => {
                Target::Everyone(span(up_to, except)?)
            }
            EntryClaims { .. } => return Err(PageError::Content("entry")),
        };
        Ok(Self { expires: Expiry::at(claims.exp), target })
    }
}

#[derive(Deserialize)]
struct Claims {
    iat: Timestamp,
    #[serde(deserialize_with = "nullable")]
    after: Option<String>,
    cursor: String,
    more: bool,
    revocations: Vec<EntryClaims>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryClaims {
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

/// Rejects `null`. If `"sub": null` counted as absent, the entry would revoke the sessions of all users.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Accepts `null`, which marks the first page, but requires the claim to be present.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}
