//! The lifetimes and rules of a client's sessions.

use countersign_core::issuer::Issuer;
use countersign_core::refresh::RefreshPolicy;

/// The lifetimes and rules of a client's sessions.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Issues the access tokens.
    pub issuer: Issuer,
    /// The lifetimes of sessions, the grace of spent refresh tokens, and the effect of a retry after the grace.
    pub policy: RefreshPolicy,
}
