//! For APIs that accept access tokens: verifies them locally, without asking anyone.
//!
//! A [`Verifier`] holds what an API insists on, and whom it trusts; [`bearer_token`] finds the token in a request
//! (RFC 6750 §2.1). With the feature `fetch` keys are found, fetched and kept up to date, and the issuer's
//! [`Revocations`] are followed. `tower` brings the layer `RequireToken`, `axum` the extractor `AccessToken`.
//!
//! Deliberately absent: any way to check less than everything without saying so by name.

#![warn(missing_docs)]

#[cfg(feature = "axum")]
mod access_token;
mod authorization;
mod clock;
#[cfg(feature = "fetch")]
mod fetch;
mod issuer;
mod refusal;
#[cfg(feature = "tower")]
mod require_token;
mod revocations;
mod tutorial_tokens;
mod verifier;

#[cfg(feature = "axum")]
pub use access_token::{AccessToken, AccessTokenRejection, NoExtra};
pub use authorization::{BearerError, bearer_token};
pub use clock::Clock;
pub use countersign_token::tutorial::TutorialKey;
pub use countersign_token::{
    AccessTokenClaims, Audience, JwkError, JwkSet, KeySet, Scope, Secret, Timestamp, VerifyError,
};
#[cfg(feature = "fetch")]
pub use fetch::{Discovery, FollowError, IssuerError, Trouble};
pub use issuer::Issuer;
pub use refusal::Refusal;
#[cfg(feature = "tower")]
pub use require_token::{Denial, RequireToken, TokenRequired};
pub use revocations::{ApplyError, PieceError, RevocationFeed, RevocationPiece, Revocations, WhenStale};
pub use verifier::Verifier;

/// Runs the examples of the read-me.
#[cfg(all(doctest, feature = "axum", feature = "fetch"))]
#[doc = include_str!("../README.md")]
pub struct ReadMe;
