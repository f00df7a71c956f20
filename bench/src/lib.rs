//! Code that the Criterion benches and the programs of this crate share: the parts of a refresh, and the
//! verification layer of an API.
//!
//! Each part is one method, so that both measure the same call with the same data.

pub mod guarding;
pub mod refreshing;
pub mod signing;
