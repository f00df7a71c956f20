//! The rules of Countersign as pure functions: no runtime, no network, no SQL.
//!
//! This crate defines what a **session** is, how a presented refresh token is
//! **judged**, which access token is **issued**, and the port to a store. Callers
//! pass in the clock and the random generator.
//!
//! ARCHITECTURE.md has the glossary.

pub mod client;
pub mod device;
mod folding;
pub mod forward_auth;
pub mod ids;
pub mod issuer;
pub mod master_key;
pub mod opening;
pub mod origin;
pub mod password;
pub mod plain_path;
pub mod ratchet;
pub mod refresh;
pub mod refresh_token;
pub mod revocation;
pub mod session;
pub mod signing_keys;
pub mod store;
pub mod story;
pub mod testing;
pub mod user;
pub mod world;

#[cfg(test)]
pub(crate) mod test_support;

pub use countersign_token::{Secret, Timestamp};
pub use ids::{ClientId, SessionId, UserId};
pub use master_key::ServerKeys;
pub use world::{Clock, Entropy, World};
