//! What can go wrong between an API and an issuer.

use std::time::Duration;

use countersign_token::JwkError;
use countersign_token::json::JsonError;

use crate::{ApplyError, PieceError};

/// An issuer cannot be used, now or at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// At fault: the configuration, or the issuer's metadata. Tokens are only as good as the way on which their
    /// keys came.
    #[error("{0:?} is no address that begins with https://, nor one with http:// on this machine")]
    Address(String),
    /// At fault: the caller. Keys are fetched by tasks, which only run inside a Tokio runtime.
    #[error("there is no Tokio runtime to fetch keys in")]
    NoRuntime,
    /// At fault: the machine, which has no certificates to check the issuer's with.
    #[error("the HTTP client cannot be built")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// At fault: the network, or an issuer that is away.
    #[error("the issuer cannot be reached")]
    Request(#[from] reqwest::Error),
    /// At fault: an issuer that is away or overloaded.
    #[error("the issuer did not answer in time")]
    TooSlow,
    /// At fault: the configuration, or an issuer that is not ready. A redirect is not followed.
    #[error("the issuer answered with status {status}")]
    Status {
        /// The status of the answer.
        status: u16,
        /// What it said in `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// At fault: the configuration. A client of your own followed a redirect; build it with
    /// `redirect::Policy::none()`.
    #[error("the answer came from another address than the one that was asked")]
    Redirected,
    /// At fault: the issuer, or a proxy before it. The request accepts `identity` alone.
    #[error("the answer is compressed, though the request accepts no content encoding")]
    Encoded,
    /// At fault: the issuer, or whatever else answered at its address.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// At fault: whatever answered at the issuer's address.
    #[error("the metadata is not acceptable JSON")]
    Json(#[from] JsonError),
    /// At fault: the issuer. The member is missing or of the wrong type.
    #[error("the member `{0}` of the metadata is missing or malformed")]
    Metadata(&'static str),
    /// At fault: the configuration, mostly by a slash at the end.
    #[error("the metadata is of the issuer {0:?}, which is another one to the letter")]
    OtherIssuer(String),
    /// At fault: the issuer.
    #[error("the key set is not acceptable")]
    Keys(#[from] JwkError),
    /// At fault: the issuer. Its set has no key that a token could be verified with.
    #[error("the key set has no usable key")]
    NoKeys,
    /// At fault: the issuer, or the configuration, which asks for [`crate::WhenStale::Refuse`].
    #[error("the issuer names no list of revocations, without which no token is accepted")]
    NoList,
    /// At fault: the issuer, which names a list of revocations and does not serve it. The reasons went to
    /// [`crate::Discovery::on_trouble`].
    #[error("the list of revocations did not arrive in time")]
    NoRevocations,
}

impl IssuerError {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The list of revocations is not followed at the moment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// At fault: the network, or an issuer that is away, has no place for another follower, or does not know what
    /// was revoked.
    #[error("the stream cannot be opened, or broke")]
    Stream(#[from] IssuerError),
    /// At fault: the network, or an issuer that is away, does not serve the list that it names, or does not know what
    /// was revoked.
    #[error("the list cannot be had")]
    List(#[source] IssuerError),
    /// At fault: the issuer, if it has a list. Its metadata is looked at again with each key set; until it names a
    /// list, a revoked session goes on until its token expires, or with [`crate::WhenStale::Refuse`] no token is
    /// accepted.
    #[error("the metadata names no list of revocations")]
    NoList,
    /// At fault: whatever answered at the stream's address.
    #[error("the answer is no stream of events")]
    NoEvents,
    /// At fault: whatever answered at the list's address.
    #[error("the answer is no piece of the list")]
    NoPiece,
    /// At fault: the issuer, or several that know nothing of each other at one address.
    #[error("the list does not go on, and says that there is more of it")]
    NoProgress,
    /// At fault: the network, or a proxy that keeps answers back. The issuer gives a sign of life every five
    /// seconds. The list is asked for meanwhile.
    #[error("there was no sign of life for 15 seconds")]
    Silence,
    /// At fault: the issuer, or something on the way.
    #[error("an event is longer than {0} bytes")]
    TooLong(usize),
    /// At fault: the issuer, or something on the way.
    #[error("a piece of the list is not acceptable")]
    Piece(#[from] PieceError),
    /// At fault: something on the way, or more revocations than can be kept in mind.
    #[error("a piece of the list cannot be applied")]
    Apply(#[from] ApplyError),
}

/// An issuer that asks for more is asked sooner nevertheless: no token is accepted until it answers.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

impl FollowError {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Stream(error) | Self::List(error) => {
                error.retry_after().map(|asked_for| asked_for.min(LONGEST_RETRY_AFTER))
            }
            _ => None,
        }
    }
}

/// Something that an operator should hear of. Tokens are verified with what is known, as far as the policy allows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The keys could not be fetched; known ones stay in use.
    #[error("the keys of the issuer cannot be fetched")]
    Keys(#[source] IssuerError),
    /// The list of revocations is not followed at the moment.
    #[error("the revocations of the issuer cannot be followed")]
    Revocations(#[source] FollowError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_may_ask_for_half_a_minute_at_most() {
        for (asked_for, waits) in [(6, 6), (30, 30), (31, 30), (u64::MAX, 30)] {
            let retry_after = Some(Duration::from_secs(asked_for));
            let full = || IssuerError::Status { status: 503, retry_after };
            for error in [FollowError::Stream(full()), FollowError::List(full())] {
                assert_eq!(error.retry_after(), Some(Duration::from_secs(waits)), "{error}");
            }
        }
        assert_eq!(FollowError::Silence.retry_after(), None);
    }
}
