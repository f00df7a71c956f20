//! Why a username, an e-mail address or claims are rejected.

use super::{MAX_CLAIMS, MAX_NAME};

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
