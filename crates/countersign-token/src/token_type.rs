//! What a token is for: the `typ` header (RFC 7515 §4.1.9), made explicit as RFC 8725 §3.11 asks.
//!
//! Each verifier accepts exactly one type, so that an ID token never passes for an access token.

use std::fmt;

use crate::LONGEST_TOKEN;

/// The media type of a token, without its `application/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenType {
    /// `at+jwt`, an access token (RFC 9068 §2.1).
    AccessToken,
    /// `JWT`, a token that does not say what it is for: ID tokens, and access tokens for verifiers such as
    /// Spring Security that insist on it.
    Jwt,
    /// `token-introspection+jwt`, a signed introspection response (RFC 9701 §5).
    Introspection,
    /// `revocations+jwt`, a piece of Countersign's list of sessions that were taken back.
    Revocations,
}

impl TokenType {
    /// Every type, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::AccessToken, Self::Jwt, Self::Introspection, Self::Revocations];

    /// The value that goes into the `typ` header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::Jwt => "JWT",
            Self::Introspection => "token-introspection+jwt",
            Self::Revocations => "revocations+jwt",
        }
    }

    /// The longest token of this type, in bytes. Only lists are longer than what fits into a header.
    pub const fn longest(self) -> usize {
        match self {
            Self::Revocations => 16 * LONGEST_TOKEN,
            _ => LONGEST_TOKEN,
        }
    }

    /// Whether a `typ` header means this type. RFC 7515 §4.1.9: media types ignore case, and
    /// `application/` may be left out.
    pub fn matches(self, header: &str) -> bool {
        const PREFIX: &str = "application/";
        let name = match header.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => header,
        };
        name.eq_ignore_ascii_case(self.name())
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
