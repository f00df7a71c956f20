//! The rules of Countersign as pure functions: no runtime, no network, no SQL.
//!
//! This crate defines what a **session** is, how a presented refresh token is
//! **judged**, which access token is **issued**, and the port to a store. Callers
//! pass in the clock and the random generator.
//!
//! # Glossary
//!
//! * **user**: a person who signs in; **client**: the software that acts for a user.
//! * **session**: a user's sign-in with one client on one device (OAuth: the grant).
//! * **generation**: how often a session's refresh token was rotated; **rotate**: move
//!   the session to its next generation.
//! * **spent**: exchanged for a successor; **grace**: for how long the server still accepts
//!   a spent token and returns the same successor.
//! * **replay**: present a spent token within the grace; **reuse**: present it later, which
//!   means theft or a bug.
//! * **revoke**: end a session before its expiry.
//! * Users *sign in*, clients *authenticate*, tokens are *issued*, signatures are
//!   *verified*, policies are *checked*, and refresh tokens are *judged*.

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
