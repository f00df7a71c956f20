//! How the sessions of a client live.

use countersign_core::client::ClientSettings;
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
        Self { issuer, policy: settings.policy(&self.policy) }
    }
}
