//! The token in an `Authorization` header: after the scheme `Bearer` (RFC 6750 §2.1), or as legacy clients
//! send it.

/// The header has no bearer token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// At fault: the client, which uses another authentication scheme. Respond with 401, with a challenge and
    /// without an error code (RFC 6750 §3.1).
    #[error("the authorization scheme is not Bearer")]
    OtherScheme,
    /// At fault: the client. The scheme is not followed by exactly one well-formed token. Respond with 400.
    #[error("no well-formed token follows the scheme Bearer")]
    Malformed,
}

/// Returns the token in the value of an `Authorization` header. The case of the scheme is ignored (RFC 9110
/// §11.1).
///
/// ```
/// use countersign_verify::bearer_token;
///
/// assert_eq!(bearer_token("Bearer abc.def.ghi"), Ok("abc.def.ghi"));
/// assert!(bearer_token("Basic YTpi").is_err());
/// ```
///
/// # Errors
///
/// - [`BearerError::OtherScheme`] if the scheme is not `Bearer`.
/// - [`BearerError::Malformed`] if the scheme is not followed by exactly one `b64token` (RFC 6750 §2.1).
pub fn bearer_token(authorization: &str) -> Result<&str, BearerError> {
    let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(BearerError::OtherScheme);
    }
    let token = rest.trim_start_matches(' ');
    let symbols = token.trim_end_matches('=');
    if !symbols.is_empty() && symbols.bytes().all(is_token_symbol) {
        Ok(token)
    } else {
        Err(BearerError::Malformed)
    }
}

/// Returns the token of a legacy client, which sends it alone or after `Bearer`. Returns `None` if there is
/// no token.
#[cfg(feature = "tower")]
pub(crate) fn legacy_client_token(authorization: &str) -> Option<&str> {
    let text = authorization.trim_matches(' ');
    let token = match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("Bearer") => rest.trim_start_matches(' '),
        _ if text.eq_ignore_ascii_case("Bearer") => "",
        _ => text,
    };
    Some(token).filter(|token| !token.is_empty())
}

fn is_token_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}
