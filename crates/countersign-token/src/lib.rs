//! Signs and verifies JWTs with keys that are parsed once.
//!
//! [`SigningKey`] signs. [`verify()`] runs all checks of a token in a fixed order, and no option disables
//! one. Keys are published as a [`JwkSet`] and trusted as a [`KeySet`]. The key determines the algorithm (RFC
//! 8725 §3.1), every token has a type (§3.11), and ambiguous JSON is rejected.
//!
//! Deliberately absent: I/O, a clock, JWE, compression, `alg: none`, keys from token headers, and options to
//! skip checks. Two modules check less, and their names say so: [`unverified`] decodes a token without
//! verifying it, and [`legacy`] verifies the weaker tokens of the Express tutorial.

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
pub mod legacy;
mod public_key;
mod scope;
mod secret;
mod signing_key;
mod timestamp;
mod token_type;
pub mod unverified;
mod verified_tokens;
mod verify;
mod verifying_key;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::{AccessTokenClaims, Audience, is_registered_claim};
pub use error::{JwkError, KeyError, SignError, VerifyError};
pub use jwk::Jwk;
pub use jwk_set::JwkSet;
pub use key_id::{KeyId, KeyIdError};
pub use key_set::KeySet;
pub use scope::{Scope, ScopeError};
pub use secret::Secret;
pub use signing_key::SigningKey;
pub use timestamp::Timestamp;
pub use token_type::{LONGEST_TOKEN, TokenType};
pub use verified_tokens::VerifiedTokens;
pub use verify::{DEFAULT_LEEWAY, Expected, verify};
pub use verifying_key::VerifyingKey;

/// Compiles and runs the example of README.md as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadMe;
