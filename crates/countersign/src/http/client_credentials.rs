//! The credentials of a client, in the `Authorization` header or in the body (RFC 6749 §2.3.1).
//!
//! A request with two authentication methods is rejected (§2.3). The server reads secrets
//! only from headers and bodies, never from a URL.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::Secret;
use countersign_core::client::SecretMethod;

use super::error::Failure;
use crate::flows::authenticate_client::{ClientCredentials, ClientError, SentSecret};

/// The client's parameters in the body.
pub(super) struct InBody {
    pub(super) id: Option<String>,
    pub(super) secret: Option<Secret<String>>,
    /// Whether the body has a parameter that authenticates a client, even if it is empty.
    pub(super) is_authenticating: bool,
}

/// The id and the secret of an `Authorization: Basic` header.
pub(super) type Basic = (String, Secret<String>);

/// Combines the header and the body. `None`: the request names no client.
pub(super) fn combine(basic: Option<Basic>, body: InBody) -> Result<Option<ClientCredentials>, Failure> {
    let two_ways =
        || Failure::invalid_request("Authenticate in one way: by header or in the body, not both.");
    match (basic, body.id, body.secret) {
        (Some(_), _, _) if body.is_authenticating => Err(two_ways()),
        (Some((id, _)), Some(other), _) if id != other => Err(two_ways()),
        (Some((id, secret)), _, _) => Ok(Some(ClientCredentials {
            id,
            secret: Some(SentSecret { method: SecretMethod::Basic, text: secret }),
        })),
        (None, Some(id), secret) => {
            let secret = secret.map(|text| SentSecret { method: SecretMethod::Post, text });
            Ok(Some(ClientCredentials { id, secret }))
        }
        (None, None, Some(_)) => Err(ClientError::Refused.into()),
        (None, None, None) => Ok(None),
    }
}

/// Reads an `Authorization` header, which must be `Basic`. The id and the secret in it are form-encoded.
pub(super) fn basic(headers: &HeaderMap) -> Result<Option<Basic>, Failure> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let mut read = || {
        let (scheme, encoded) = line.to_str().ok()?.split_once(' ')?;
        let is_basic = scheme.eq_ignore_ascii_case("basic") && lines.next().is_none();
        let bytes = STANDARD.decode(encoded.trim()).ok().filter(|_| is_basic)?;
        let text = Secret::new(String::from_utf8(bytes).ok()?);
        let (id, secret) = text.expose().split_once(':')?;
        Some((form_decoded(id), Secret::new(form_decoded(secret))))
    };
    read().map(Some).ok_or_else(|| ClientError::Refused.into())
}

/// As [`basic`], but ignores other schemes, such as an access token that a client library adds to every request.
pub(super) fn basic_if_any(headers: &HeaderMap) -> Result<Option<Basic>, Failure> {
    let is_basic = |line: &header::HeaderValue| {
        let scheme = line.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"basic")
    };
    let has_basic = headers.get_all(header::AUTHORIZATION).iter().any(is_basic);
    if has_basic { basic(headers) } else { Ok(None) }
}

fn form_decoded(text: &str) -> String {
    // `=` and `&` would end the name of a form's field, and are not encoded in every id.
    let whole = text.replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(whole.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}
