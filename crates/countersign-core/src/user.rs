//! A user: somebody who signs in.
//!
//! Names are compared in one form (NFKC, lower case), and new ones follow RFC 8265
//! and UTS 39, so that two users cannot look alike. A user's own claims ride in every access token beside the
//! registered ones and can never replace one of them.

use std::fmt;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::email::Email;
use crate::folding::is_ignorable;
use crate::new_name;
use crate::password::PasswordHash;
use crate::{Timestamp, UserId};

/// The longest username, in characters.
const MAX_NAME: usize = 128;

/// The longest JSON of own claims, in bytes, a session's among them. The access token that carries them fits into a
/// cookie (RFC 6265 §6.1: 4096 bytes) with an RS256 signature of 512 characters, ids of 64, a username of 128, and an
/// issuer and an audience of 64 characters each.
const MAX_CLAIMS: usize = 1536;

/// A user as the store keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The `sub` of their tokens.
    pub id: UserId,
    /// What they sign in with.
    pub username: Username,
    /// Their e-mail address.
    pub email: Option<Email>,
    /// Their password, or `None` when they cannot sign in with one.
    pub password: Option<Password>,
    /// Their own claims.
    pub claims: UserClaims,
    /// What they may do here.
    pub role: Role,
    /// When they were disabled, if they are.
    pub disabled_at: Option<Timestamp>,
    /// Counts the times that all their sessions were ended at once.
    pub epoch: u32,
    /// When they were last signed out everywhere, if they were. Legacy tokens that were issued until then are refused.
    /// A password that is set before the first session, or in place of a temporary one, does not count.
    pub sessions_ended_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A user's password at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// Its hash.
    pub hash: PasswordHash,
    /// Whether it lasts.
    pub kind: PasswordKind,
}

/// Whether a password lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordKind {
    /// Its user chose it.
    Lasting,
    /// Somebody else gave it out: it is good for setting another one and for nothing else.
    Temporary,
}

/// What a user may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Their own account.
    User,
    /// Everybody's: the scope `countersign:admin`.
    Admin,
}

/// A username: shown as it was given, compared by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    shown: String,
    key: String,
}

/// Own claims of a user or of a session: never a registered one, at most 1.5 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserClaims(Map<String, Value>);

/// Why something about a user is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// Empty, too long, or with control characters.
    #[error("a username has 1 to {MAX_NAME} characters and none that cannot be seen")]
    Username,
    /// A new name with characters that RFC 8265 does not allow.
    #[error(
        "a new username has letters, digits, ASCII punctuation, and one space between words (RFC 8265, UsernameCaseMapped)"
    )]
    UsernameCharacters,
    /// A new name that mixes scripts.
    #[error(
        "a new username has letters of one script, or Latin ones with Chinese, Japanese or Korean ones (UTS 39, Highly \
         Restrictive)"
    )]
    UsernameScripts,
    /// Not one `@` between two texts without spaces.
    #[error("an e-mail address looks like `jane@example.com`")]
    Email,
    /// Not a JSON object.
    #[error("claims are a JSON object")]
    ClaimsShape,
    /// A claim that the server itself sets.
    #[error("the claim `{0}` is set by the server and cannot be replaced")]
    RegisteredClaim(String),
    /// Too large.
    #[error("claims are at most {MAX_CLAIMS} bytes of JSON, so that a token fits into a cookie and a header")]
    ClaimsSize,
    /// Each set is small enough, and both together are too large.
    #[error(
        "the claims of the session and of its user are together at most {MAX_CLAIMS} bytes of JSON, so that a token fits \
         into a cookie and a header"
    )]
    JointClaimsSize,
}

impl User {
    /// Whether they may have sessions at all.
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Notes that they were signed out everywhere. A clock that was set back moves the time to no earlier one.
    pub fn note_sign_out(&mut self, at: Timestamp) {
        self.sessions_ended_at = self.sessions_ended_at.max(Some(at));
    }
}

impl Username {
    /// Reads the name of an account that is about to be made.
    ///
    /// # Errors
    ///
    /// As [`Username::parse`], and when the name has characters or a mix of scripts that could be taken for another
    /// name: [`UserError::UsernameCharacters`], [`UserError::UsernameScripts`].
    pub fn new(text: &str) -> Result<Self, UserError> {
        let name = Self::parse(text)?;
        new_name::check(&name.shown)?;
        Ok(name)
    }

    /// Reads a username as it is typed at a sign-in. Accounts that are older than the rules of [`Username::new`] have
    /// such names.
    ///
    /// # Errors
    ///
    /// [`UserError::Username`] when it is empty, too long or cannot be seen whole.
    pub fn parse(text: &str) -> Result<Self, UserError> {
        // A stranger's megabyte is not normalised first.
        if text.len() > MAX_NAME * 4 {
            return Err(UserError::Username);
        }
        let shown = text.trim().nfkc().collect::<String>();
        let length = shown.chars().count();
        if !(1..=MAX_NAME).contains(&length) || shown.chars().any(is_unseen) {
            return Err(UserError::Username);
        }
        let key = shown.to_lowercase().nfkc().collect();
        Ok(Self { shown, key })
    }

    /// A name and its key, as a store kept both.
    pub const fn from_stored(shown: String, key: String) -> Self {
        Self { shown, key }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form that names are compared by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a command that takes an id or a name could take this name for that id.
    pub fn is_like_id(&self, id: &UserId) -> bool {
        [self.shown.as_str(), &self.key].contains(&id.as_str())
    }

    /// The key of the name that is spelt like an id: ids are ASCII.
    pub fn key_like(id: &UserId) -> String {
        id.as_str().to_ascii_lowercase()
    }
}

/// Control characters, separators of lines, marks of annotations, and those that show nothing by themselves.
pub(crate) fn is_unseen(character: char) -> bool {
    let is_separator_or_mark = matches!(character, '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}');
    character.is_control() || is_separator_or_mark || is_ignorable(character)
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl UserClaims {
    /// Checks claims.
    ///
    /// # Errors
    ///
    /// When they are no object, too large, or name a registered claim.
    pub fn check(claims: Value) -> Result<Self, UserError> {
        let Value::Object(claims) = claims else { return Err(UserError::ClaimsShape) };
        if let Some(name) = claims.keys().find(|name| countersign_token::is_registered_claim(name)) {
            return Err(UserError::RegisteredClaim(name.clone()));
        }
        if size(&claims) > MAX_CLAIMS { Err(UserError::ClaimsSize) } else { Ok(Self(claims)) }
    }

    /// Claims as a store kept them: those of an earlier release may be larger, and a name that has become a registered
    /// one since is left out.
    pub fn from_stored(mut claims: Map<String, Value>) -> Self {
        claims.retain(|name, _| !countersign_token::is_registered_claim(name));
        Self(claims)
    }

    /// A user's claims, and those of a session, which win where both name one.
    pub fn with_session(&self, session: &Map<String, Value>) -> Map<String, Value> {
        let mut claims = self.0.clone();
        claims.extend(session.clone());
        claims
    }

    /// Checks the claims that a session is to have besides its user's. A session without any is never refused.
    ///
    /// # Errors
    ///
    /// [`UserError::JointClaimsSize`].
    pub fn check_with_session(&self, session: &Map<String, Value>) -> Result<(), UserError> {
        let fits = session.is_empty() || size(&self.with_session(session)) <= MAX_CLAIMS;
        if fits { Ok(()) } else { Err(UserError::JointClaimsSize) }
    }

    /// The claims.
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn size(claims: &Map<String, Value>) -> usize {
    serde_json::to_string(claims).map_or(usize::MAX, |text| text.len())
}

impl Role {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// The role with this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_look_alike_are_one_name() {
        let key = |text: &str| Username::parse(text).map(|name| name.key().to_owned());
        assert_eq!(key("Jo\u{0308}hn"), key("JÖHN"));
        assert_eq!(key("ｊohn"), key("john"));
    }

    // G2
    #[test]
    fn a_name_with_line_breaks_or_escapes_is_refused() {
        let unseen = [
            "adm\u{ad}in",
            "admin\u{3164}",
            "ad\u{34f}min",
            "admin\u{fe0f}",
            "admin\u{e0061}",
            "adm\u{61c}in",
        ];
        for text in unseen {
            assert_eq!(Username::parse(text).err(), Some(UserError::Username), "{text:?}");
        }
        for text in ["", "  ", "a\r\nb", "a\u{1b}[31m", "a\u{202e}b", &"a".repeat(129), &"a".repeat(1 << 20)]
        {
            assert_eq!(Username::parse(text).err(), Some(UserError::Username));
        }
    }

    #[test]
    fn a_registered_claim_cannot_be_replaced() {
        let refused = UserClaims::check(json!({"id": 1, "exp": 9_999_999_999_u64})).err();
        assert_eq!(refused, Some(UserError::RegisteredClaim("exp".to_owned())));
        assert_eq!(UserClaims::check(json!([])).err(), Some(UserError::ClaimsShape));
        assert_eq!(UserClaims::check(json!({"a": "x".repeat(1536)})).err(), Some(UserError::ClaimsSize));
    }

    #[test]
    fn a_users_and_a_sessions_claims_have_one_limit_together() {
        let claims =
            |name: &str, length: usize| UserClaims::check(json!({ name: "x".repeat(length) })).unwrap();
        let user = claims("a", 1000);
        let check = |session: &UserClaims| user.check_with_session(session.as_map());
        // Quotes, colons, a comma and braces.
        assert_eq!(check(&claims("b", 1536 - 1000 - 15)), Ok(()));
        assert_eq!(check(&claims("b", 1536 - 1000 - 14)), Err(UserError::JointClaimsSize));
        assert_eq!(check(&claims("a", 1500)), Ok(()), "it replaces the user's");
        let old = UserClaims::from_stored(claims("a", 1500).with_session(claims("b", 500).as_map()));
        assert_eq!(old.check_with_session(&Map::new()), Ok(()), "an older user signs in");
    }

    #[test]
    fn stored_claims_lose_a_name_that_has_become_a_registered_one() {
        let Value::Object(stored) = json!({"exp": 1, "team": "red"}) else { unreachable!() };
        assert_eq!(json!(UserClaims::from_stored(stored).as_map()), json!({"team": "red"}));
    }
}
