//! What the Criterion benches and the programs here share: the parts of a refresh and the guard of an API, ready to be
//! called.
//!
//! Each part is one method, so that both measure the same call on the same data.

pub mod guarding;
pub mod refreshing;
pub mod signing;
