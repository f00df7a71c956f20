//! The lifetimes and rules of a client's sessions.

use countersign_core::client::ClientSettings;
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

impl Terms {
    /// The terms of a client with these settings, on a server with these terms. A client's access tokens live at most as
    /// long as the server's, because the revocation list remembers a revocation for that long.
    pub fn of_client(&self, settings: &ClientSettings) -> Self {
        let mut issuer = self.issuer.clone();
        if let Some(lifetime) = settings.access_token_lifetime.filter(|lifetime| *lifetime < issuer.lifetime)
        {
            issuer.jitter =
                issuer.jitter.min(lifetime.mul_f64(issuer.jitter.div_duration_f64(issuer.lifetime)));
            issuer.lifetime = lifetime;
        }
        issuer.token_type = settings.access_token_type.unwrap_or(issuer.token_type);
        Self { issuer, policy: settings.policy(&self.policy) }
    }
}
