//! What the server does: one file a use case, none of which knows HTTP.

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

/// An access token and the refresh token that buys the next one.
#[derive(Debug)]
pub struct Pair {
    /// For the APIs.
    pub access: AccessToken,
    /// For this server alone.
    pub refresh: Secret<String>,
    /// The session that both belong to.
    pub session: SessionId,
}
