//! All tests of the crate in one binary, so that it is linked once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod hostile_claims;
mod hostile_headers;
mod key_material;
mod oracles;
mod published_vectors;
mod round_trips;
mod small_types;
mod support;
mod vectors;
mod wycheproof_vectors;
