//! The reasons why a token is rejected. They are for the log: tell the client only the status.

use std::time::Duration;

use countersign_token::VerifyError;

/// A token is rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// At fault: the sender, unless the source says otherwise. Respond with 401 `invalid_token`.
    #[error("the token is invalid")]
    Token(#[from] VerifyError),
    /// The session was revoked: the user signed out, or the token may be stolen. Respond with 401
    /// `invalid_token`.
    #[error("the session was revoked")]
    Revoked,
    /// At fault: the issuer, or the network. Its keys were never fetched, so the token cannot be verified.
    /// Respond with 503.
    #[error("the issuer's keys are not known yet")]
    KeysUnknown,
    /// At fault: the issuer, or the network. The latest revocations are not known, so the token may belong to
    /// a revoked session. Respond with 503.
    #[error("the revocation list is not up to date")]
    RevocationsUnknown,
}

/// Keys and revocations are fetched again within seconds.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Refusal {
    /// After which time the client may send the same token again: five seconds, or `None` if it will never be
    /// accepted.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Token(_) | Self::Revoked => None,
            Self::KeysUnknown | Self::RevocationsUnknown => Some(RETRY_AFTER),
        }
    }
}
