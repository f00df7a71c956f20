//! Verifies access tokens locally in an API, without a request to the server for each token.
//!
//! A [`Verifier`] has the trusted issuers and the requirements of an API. [`bearer_token`] reads the token
//! from a request (RFC 6750 §2.1). With the feature `fetch`, the crate discovers and fetches keys, keeps them
//! up to date, and follows the issuer's [`Revocations`]. The feature `tower` adds the layer `RequireToken`,
//! and `axum` the extractor `AccessToken`.
//!
//! Deliberately absent: options that disable a check, except those whose name says so, such as
//! `ignore_revocations`.

#![warn(missing_docs)]

#[cfg(feature = "axum")]
mod access_token;
mod authorization;
mod clock;
#[cfg(feature = "fetch")]
mod fetch;
mod issuer;
#[cfg(feature = "fetch")]
mod key_cache;
mod legacy_tokens;
mod refusal;
#[cfg(feature = "tower")]
mod require_token;
mod revocations;
mod verifier;

#[cfg(feature = "axum")]
pub use access_token::{AccessToken, AccessTokenRejection, NoExtra};
pub use authorization::{BearerError, bearer_token};
pub use clock::Clock;
pub use countersign_token::legacy::LegacyKey;
pub use countersign_token::{
    AccessTokenClaims, Audience, JwkError, JwkSet, KeySet, Scope, Secret, Timestamp, VerifyError,
};
#[cfg(feature = "fetch")]
pub use fetch::{Discovery, FollowError, IssuerError, Trouble};
pub use issuer::Issuer;
pub use refusal::Refusal;
#[cfg(feature = "tower")]
pub use require_token::{Denial, RequireToken, TokenRequired};
pub use revocations::{ApplyError, PageError, RevocationFeed, RevocationPage, Revocations, WhenStale};
pub use verifier::Verifier;

/// Compiles and runs the examples of README.md as tests.
#[cfg(all(doctest, feature = "axum", feature = "fetch"))]
#[doc = include_str!("../README.md")]
pub struct ReadMe;
