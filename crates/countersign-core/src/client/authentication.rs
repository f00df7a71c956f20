//! How a client proves who it is.
//!
//! A secret is 256 random bits that this server made, so a plain hash protects it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Secret, World};

/// What a secret begins with, so that scanners of leaked code know one.
const PREFIX: &str = "csc_";

/// How a client proves who it is at the token endpoint and its siblings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// It cannot: software on users' devices (RFC 6749 §2.1).
    None,
    /// With a secret, sent in one way.
    Secret(SecretMethod, ClientSecretHash),
}

/// How a secret is sent (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header (RFC 6749 §2.3.1).
    Basic,
    /// In the body.
    Post,
}

/// What the store keeps of a secret: its SHA-256, 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSecretHash([u8; 32]);

impl ClientAuthentication {
    /// Its name in metadata and in the store.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secret(method, _) => method.as_str(),
        }
    }
}

impl SecretMethod {
    /// Both, in the order in which metadata lists them.
    pub const ALL: [Self; 2] = [Self::Basic, Self::Post];

    /// Its name in metadata and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl ClientSecretHash {
    /// A new secret, which is shown once, and what is kept of it.
    pub fn generate(world: &World) -> (Secret<String>, Self) {
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(world.random::<32>()));
        let hash = Self::of(&text);
        (Secret::new(text), hash)
    }

    /// The stored form.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is of this secret; takes the same time for every text of one length.
    pub fn is_of(&self, secret: &Secret<String>) -> bool {
        verify_slices_are_equal(&self.0, &Self::of(secret.expose()).0).is_ok()
    }

    fn of(text: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"csr/client");
        context.update(text.as_bytes());
        Self(context.finish().as_ref().try_into().expect("SHA-256 yields 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timestamp, testing};

    // B11
    #[test]
    fn a_secret_has_256_random_bits_and_only_its_hash_is_kept() {
        let world = testing::world(Timestamp::from_seconds(1), 7);
        let (secret, hash) = ClientSecretHash::generate(&world);
        assert_eq!(secret.expose().len(), PREFIX.len() + 43);
        assert!(hash.is_of(&secret));
        assert!(!hash.is_of(&Secret::new(format!("{}x", secret.expose()))));
        let (other, _) = ClientSecretHash::generate(&world);
        assert!(!hash.is_of(&other));
        assert!(!format!("{hash:?}").contains(secret.expose().as_str()));
    }
}
