//! A registered client: software that acts for users, or an API that introspects tokens (RFC 6749 §2).
//!
//! A confidential client proves itself with a secret that the server made. It registers
//! one way to send the secret, and the server accepts no other. The settings bound what
//! the client may ask for and how its sessions live.

mod authentication;
mod grant_type;
mod redirect_uri;
mod settings;

pub use authentication::{ClientAuthentication, ClientSecretHash, SecretMethod};
pub use grant_type::GrantType;
pub use settings::{ClientChange, ClientSettings, SettingsError};

use crate::{ClientId, Timestamp};

/// A client as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`. No user has the same id, so that neither can pass for the other (RFC 9700 §4.15).
    pub id: ClientId,
    /// The way in which the client authenticates.
    pub authentication: ClientAuthentication,
    /// What the client may request, and the lifetimes of its sessions.
    pub settings: ClientSettings,
    pub created_at: Timestamp,
}

/// Whether a client can keep a secret (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Software on users' devices. Its id proves nothing.
    Public,
    /// Software on a server. It is accepted only with its secret.
    Confidential,
}

impl Client {
    pub const fn kind(&self) -> ClientKind {
        match self.authentication {
            ClientAuthentication::None => ClientKind::Public,
            ClientAuthentication::Secret(..) => ClientKind::Confidential,
        }
    }

    /// The client after `changes` of its settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for the first setting that is not acceptable then, or that a public client cannot get.
    pub fn with(mut self, changes: &[ClientChange]) -> Result<Self, SettingsError> {
        self.settings = self.settings.with(changes)?;
        if self.kind() == ClientKind::Public && changes.iter().any(ClientChange::adds_audiences) {
            return Err(SettingsError::PublicAudience);
        }
        Ok(self)
    }
}

impl ClientKind {
    /// Its name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
        }
    }
}
