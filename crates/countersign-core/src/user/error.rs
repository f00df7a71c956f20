//! Why a username, an e-mail address or claims are rejected.

use super::{MAX_CLAIMS, MAX_NAME};

/// Why a value of a user is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// A username is empty, is too long or has invisible characters.
    #[error("a username has 1 to {MAX_NAME} characters, all of which are visible")]
    Username,
    /// A new username has characters that RFC 8265 does not allow.
    #[error(
        "a new username has letters, digits, ASCII punctuation, and one space between words (RFC 8265, UsernameCaseMapped)"
    )]
    UsernameCharacters,
    /// A new username mixes scripts.
    #[error(
        "a new username has letters of one script, or Latin ones with Chinese, Japanese or Korean ones (UTS 39, Highly \
         Restrictive)"
    )]
    UsernameScripts,
    /// An e-mail address is malformed.
    #[error("an e-mail address looks like `jane@example.com`")]
    Email,
    /// Claims are not a JSON object.
    #[error("claims are a JSON object")]
    ClaimsShape,
    /// A claim has a registered name.
    #[error("the claim `{0}` is set by the server and cannot be replaced")]
    RegisteredClaim(String),
    /// Claims are too large.
    #[error("claims are at most {MAX_CLAIMS} bytes of JSON, so that a token fits into a cookie and a header")]
    ClaimsSize,
    /// The claims of a session and its user are together too large.
    #[error(
        "the claims of the session and of its user are together at most {MAX_CLAIMS} bytes of JSON, so that a token fits \
         into a cookie and a header"
    )]
    JointClaimsSize,
}
