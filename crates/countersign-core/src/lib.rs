//! The rules of Countersign, pure: no runtime, no network, no SQL.
//!
//! What a **session** is, how a presented refresh token is **judged**, which
//! access token is **issued**, and the port through which a store is asked.
//! Clock and entropy are passed in.
//!
//! # Glossary
//!
//! * **user** — somebody who signs in; **client** — the software that acts for them.
//! * **session** — a user's sign-in with one client on one device (OAuth: the grant).
//! * **generation** — how often its refresh token was rotated; **rotate** — move it to the next.
//! * **replay** — present a spent token within the grace; **reuse** — outside it: theft or a bug.
//! * **revoke** — end a session before its time.
//! * People *sign in*, clients *authenticate*, tokens are *issued*, signatures
//!   *verified*, policies *checked*, refresh tokens *judged*.

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
