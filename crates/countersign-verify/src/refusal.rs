//! Why a token does not open the door. For the log: a client is told the status and nothing else.

use std::time::Duration;

use countersign_token::VerifyError;

/// A token is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// At fault: the sender, unless the cause says otherwise. Answer 401 `invalid_token`.
    #[error("the token is not acceptable")]
    Token(#[from] VerifyError),
    /// At fault: nobody, or a thief. The session was revoked; answer 401 `invalid_token`.
    #[error("the session was revoked")]
    Revoked,
    /// At fault: the issuer, or the way to it. Its keys were never fetched, so nothing can be said of the token;
    /// answer 503.
    #[error("the keys of the issuer are not known yet")]
    KeysUnknown,
    /// At fault: the issuer, or the way to it. What was revoked lately is not known, so the token may be one of a
    /// revoked session; answer 503.
    #[error("the list of revocations is not up to date")]
    RevocationsUnknown,
}

/// The issuer is asked again within seconds, so a client need not wait for long.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Refusal {
    /// When it makes sense to send the same token again; `None` when it never does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Token(_) | Self::Revoked => None,
            Self::KeysUnknown | Self::RevocationsUnknown => Some(RETRY_AFTER),
        }
    }
}
