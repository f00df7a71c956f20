//! Errors between an API and an issuer.

use std::time::Duration;

use countersign_token::JwkError;
use countersign_token::json::JsonError;

use crate::{ApplyError, PageError};

/// An issuer cannot be used, for now or with these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// At fault: the configuration, or the issuer's metadata. An attacker on the network could replace keys
    /// that are fetched without TLS.
    #[error("{0:?} is not a URL with https://, or with http:// on this machine")]
    Address(String),
    /// At fault: the caller. Keys are fetched by tasks, which need a Tokio runtime.
    #[error("there is no Tokio runtime; connect to the issuer inside of one")]
    NoRuntime,
    /// At fault: the machine. It may have no root certificates.
    #[error("the HTTP client could not be built")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// At fault: the network, or an issuer that is down.
    #[error("the issuer could not be reached")]
    Request(#[from] reqwest::Error),
    /// At fault: an issuer that is down or overloaded. The limit is ten seconds for each request.
    #[error("the issuer did not respond in time")]
    TooSlow,
    /// At fault: the configuration, or an issuer that is not ready. Redirects are not followed.
    #[error("the issuer responded with status {status}")]
    Status {
        /// The HTTP status, which is not 200.
        status: u16,
        /// The `Retry-After` header, if it is a number of seconds.
        retry_after: Option<Duration>,
    },
    /// At fault: the configuration. The client that was passed to [`crate::Discovery::client`] follows
    /// redirects.
    #[error("the HTTP client followed a redirect; build it with `redirect::Policy::none()`")]
    Redirected,
    /// At fault: the issuer, or a proxy in front of it. The request has `Accept-Encoding: identity`.
    #[error("the response is compressed, although the request does not accept compression")]
    Encoded,
    /// At fault: the issuer, or another server at its URL.
    #[error("the response is longer than {0} bytes")]
    TooLong(usize),
    /// At fault: the issuer, or another server at its URL. The metadata is not strict JSON.
    #[error("the metadata could not be parsed")]
    Json(#[from] JsonError),
    /// At fault: the issuer. The member is missing or has the wrong type.
    #[error("the member `{0}` of the metadata is missing or malformed")]
    Metadata(&'static str),
    /// At fault: the configuration, often because of a slash at the end.
    #[error("the metadata names the issuer {0:?}, which differs from the configured name")]
    OtherIssuer(String),
    /// At fault: the issuer. The response is not a key set, or is too large.
    #[error("the key set is invalid")]
    Keys(#[from] JwkError),
    /// At fault: the issuer. The set has no supported key with a `kid`.
    #[error("the key set has no usable key")]
    NoKeys,
    /// At fault: the issuer, or the configuration.
    #[error("the issuer names no revocation list, but `WhenStale::Refuse` requires one")]
    NoList,
    /// At fault: the issuer, which names a revocation list but does not serve it.
    /// [`crate::Discovery::on_trouble`] gets the causes.
    #[error("the revocation list did not arrive in time")]
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

/// The revocation list cannot be followed at the moment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// At fault: the network, or an issuer that is down, has no free follower slot, or has no current list
    /// itself.
    #[error("the stream could not be opened, or was interrupted")]
    Stream(#[from] IssuerError),
    /// At fault: the network, or an issuer that is down, does not serve the list that it names, or has no
    /// current list itself.
    #[error("the list could not be fetched")]
    List(#[source] IssuerError),
    /// At fault: the issuer, if it has a list. The metadata is read again with each fetch of the keys. Until
    /// it names a list, tokens of revoked sessions are accepted until they expire; with
    /// [`crate::WhenStale::Refuse`], no token is accepted.
    #[error("the metadata names no revocation list")]
    NoList,
    /// At fault: the issuer, or another server at the stream's URL.
    #[error("the response is not an event stream")]
    NoEvents,
    /// At fault: the issuer, or another server at the list's URL.
    #[error("the response is not a page of the list")]
    NoPage,
    /// At fault: the issuer, or two servers with different lists at one URL. A page says that there are more
    /// pages, but the next one repeats or restarts the list.
    #[error("reading the list makes no progress")]
    NoProgress,
    /// At fault: the network, or a proxy that buffers the stream. The issuer sends a page at least every five
    /// seconds. The list is polled until the stream delivers again.
    #[error("the stream delivered no page for 15 seconds")]
    Silence,
    /// At fault: the issuer, or a proxy in front of it.
    #[error("an event is longer than {0} bytes")]
    TooLong(usize),
    /// At fault: the issuer, or an attacker between the issuer and the API.
    #[error("a page of the list is invalid")]
    Page(#[from] PageError),
    /// At fault: a proxy that withheld or repeated a page, or a list with too many entries.
    #[error("a page of the list could not be applied")]
    Apply(#[from] ApplyError),
}

/// A longer `Retry-After` is shortened to this, because the API may accept no tokens until the issuer
/// responds.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

impl FollowError {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Stream(error) | Self::List(error) => {
                error.retry_after().map(|requested| requested.min(LONGEST_RETRY_AFTER))
            }
            _ => None,
        }
    }
}

/// A problem for the operator. Tokens are still verified with the known keys and revocations, within the
/// limits of [`crate::WhenStale`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The keys could not be fetched. Known keys stay in use.
    #[error("the issuer's keys could not be fetched")]
    Keys(#[source] IssuerError),
    /// The revocation list cannot be followed at the moment. Known revocations stay in use.
    #[error("the issuer's revocations could not be followed")]
    Revocations(#[source] FollowError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_limited_to_30_seconds() {
        for (requested, waits) in [(6, 6), (30, 30), (31, 30), (u64::MAX, 30)] {
            let retry_after = Some(Duration::from_secs(requested));
            let full = || IssuerError::Status { status: 503, retry_after };
            for error in [FollowError::Stream(full()), FollowError::List(full())] {
                assert_eq!(error.retry_after(), Some(Duration::from_secs(waits)), "{error}");
            }
        }
        assert_eq!(FollowError::Silence.retry_after(), None);
    }
}
