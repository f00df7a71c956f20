//! For APIs that accept access tokens: verifies them locally, without asking anyone.
//!
//! A [`Verifier`] holds what an API insists on; [`bearer_token`] finds the token in a request (RFC 6750 §2.1).
//! While users of the Express tutorial move over, a verifier can take their old tokens too, until a set date.
//!
//! Deliberately absent: a clock, the network, and any way to check less than everything.

mod authorization;
mod verifier;

pub use authorization::{BearerError, bearer_token};
pub use countersign_token::tutorial::TutorialKey;
pub use countersign_token::{
    AccessTokenClaims, Audience, JwkError, JwkSet, KeySet, Scope, Secret, Timestamp, VerifyError,
};
pub use verifier::Verifier;

/// Runs the examples of the read-me.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadMe;
