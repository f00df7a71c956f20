//! The token in an `Authorization` header: after the scheme `Bearer` (RFC 6750 §2.1), or as clients of the Express
//! tutorial send it.

/// There is no bearer token to verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// At fault: the client, which authenticates in another way. Answer 401 with a challenge and no error
    /// code (RFC 6750 §3.1).
    #[error("the authorization scheme is not Bearer")]
    OtherScheme,
    /// At fault: the client. No token follows the scheme, or something that cannot be one; answer 400.
    #[error("no well-formed token follows the scheme Bearer")]
    Malformed,
}

/// Finds the token in the value of an `Authorization` header. The scheme ignores case (RFC 9110 §11.1).
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
/// When the scheme is another one, or not exactly one `b64token` follows it.
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

/// Finds the token as clients of the Express tutorial send it: alone, or after `Bearer`. `None`: there is none.
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
