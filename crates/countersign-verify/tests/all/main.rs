//! One binary for all tests of the crate, so that it links once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod client;
mod dependencies;
mod extractor;
mod fake_issuer;
mod following;
mod keys;
mod layer;
mod list;
mod revocations;
mod support;
mod unlisted;
mod verifier;
