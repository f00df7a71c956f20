//! One binary for all tests of the crate, so that it links once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile_tokens;
mod key_material;
mod published_vectors;
mod round_trips;
mod small_types;
mod support;
