//! All tests of the crate in one binary, so that it is linked once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod client;
mod dependencies;
mod extractor;
mod fake_issuer;
mod following;
mod keys;
mod layer;
mod no_list;
mod polling;
mod revocations;
mod support;
mod verifier;
