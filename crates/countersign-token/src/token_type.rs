//! The type of a token: its `typ` header (RFC 7515 §4.1.9), which RFC 8725 §3.11 recommends to set
//! explicitly.
//!
//! A verifier accepts exactly one type, so it never accepts an ID token as an access token.

use std::fmt;

/// The longest token that is sent in a header, in bytes. Proxies and servers usually reject longer headers.
pub const LONGEST_TOKEN: usize = 16_384;

/// The media type of a token, without the prefix `application/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenType {
    /// `at+jwt`, an access token (RFC 9068 §2.1).
    AccessToken,
    /// `JWT`, a token without a specific type: ID tokens, and access tokens for verifiers that require this
    /// type, such as Spring Security.
    Jwt,
    /// `token-introspection+jwt`, a signed introspection response (RFC 9701 §5).
    Introspection,
    /// `revocations+jwt`, a page of Countersign's revocation list.
    Revocations,
}

impl TokenType {
    /// Every type, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::AccessToken, Self::Jwt, Self::Introspection, Self::Revocations];

    /// The types that an access token of Countersign can have.
    pub const OF_ACCESS_TOKENS: [Self; 2] = [Self::AccessToken, Self::Jwt];

    /// The type with this name, such as `at+jwt`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token_type| token_type.name() == name)
    }

    /// The value of the `typ` header, such as `at+jwt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::Jwt => "JWT",
            Self::Introspection => "token-introspection+jwt",
            Self::Revocations => "revocations+jwt",
        }
    }

    /// The longest token of this type, in bytes: 256 KiB for `Revocations`, which is not sent in a header,
    /// and 16 KiB for all others.
    pub const fn longest(self) -> usize {
        match self {
            Self::Revocations => 16 * LONGEST_TOKEN,
            _ => LONGEST_TOKEN,
        }
    }

    /// Whether a `typ` header names this type. Case is ignored, and the prefix `application/` is optional
    /// (RFC 7515 §4.1.9).
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
