//! The server's use cases, one file each. No flow depends on HTTP types.

mod access_token;
pub mod accounts;
pub mod authenticate_client;
pub mod authenticate_user;
pub mod authorize;
pub mod change_password;
pub mod clients;
pub mod forward_auth;
pub mod health;
mod internal;
pub mod introspect;
pub mod lab;
pub mod legacy;
pub mod open;
pub mod open_on_behalf;
pub mod refresh;
pub mod revocation_list;
pub mod revoke;
pub mod sessions;
pub mod sign_in;

pub use internal::InternalError;

use countersign_core::issuer::AccessToken;
use countersign_core::{Secret, SessionId};

/// An access token, and the refresh token that the client exchanges for the next pair.
#[derive(Debug)]
pub struct Pair {
    /// The token that the client sends to APIs.
    pub access: AccessToken,
    /// The token that the client sends to this server only.
    pub refresh: Secret<String>,
    /// The session that both tokens belong to.
    pub session: SessionId,
}
