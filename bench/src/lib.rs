//! What the Criterion benches and the count of instructions share: the parts of a refresh, ready to be called.
//!
//! Each part is one method, so that both measure the same call on the same data.

pub mod refreshing;
pub mod signing;
