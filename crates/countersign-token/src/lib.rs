//! Signed tokens: from claims to a JWT and back, over parsed keys that are kept.
//!
//! [`SigningKey`] signs; [`verify()`] checks a token completely, in one sequence that has no switches. Keys are
//! published as a [`JwkSet`] and trusted as a [`KeySet`]. The algorithm belongs to the key (RFC 8725 §3.1),
//! every token says what it is for (§3.11), and JSON that could mean two things is refused.
//!
//! Deliberately absent: I/O, a clock, JWE, compression, `alg: none`, keys from headers, and any way to
//! verify less. [`unverified`] looks without checking and [`tutorial`] reads the weaker tokens of a
//! well-known tutorial; both say so by name.

#![warn(missing_docs)]

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod error;
pub mod json;
mod jwk;
mod jwk_set;
mod key_id;
mod key_pair;
mod key_set;
mod public_key;
mod scope;
mod secret;
mod signing_key;
mod timestamp;
mod token_type;
pub mod tutorial;
pub mod unverified;
mod verified_tokens;
mod verify;
mod verifying_key;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::{AccessTokenClaims, Audience, is_registered_claim};
pub use compact::LONGEST_TOKEN;
pub use error::{JwkError, KeyError, SignError, VerifyError};
pub use jwk::Jwk;
pub use jwk_set::JwkSet;
pub use key_id::{KeyId, KeyIdError};
pub use key_set::KeySet;
pub use scope::{Scope, ScopeError};
pub use secret::Secret;
pub use signing_key::SigningKey;
pub use timestamp::Timestamp;
pub use token_type::TokenType;
pub use verified_tokens::VerifiedTokens;
pub use verify::{DEFAULT_LEEWAY, Expected, verify};
pub use verifying_key::VerifyingKey;

/// Runs the example of the read-me.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadMe;
