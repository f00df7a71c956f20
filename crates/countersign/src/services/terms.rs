//! How the sessions of a client live.

use countersign_core::issuer::Issuer;
use countersign_core::refresh::RefreshPolicy;

/// How the sessions of a client live.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Issues the access tokens.
    pub issuer: Issuer,
    /// Lifetimes of sessions, the grace of spent refresh tokens, and what happens after it.
    pub policy: RefreshPolicy,
}
