//! Client authentication (RFC 6749 §2.3).
//!
//! A secret is 256 random bits that this server made, so a plain hash protects it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Secret, World};

/// The prefix of a secret, so that scanners recognise a leaked one.
const PREFIX: &str = "csc_";

/// The way in which a client authenticates at the OAuth routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// A public client, which has no secret: software on users' devices (RFC 6749 §2.1).
    None,
    /// A secret, sent by one method.
    Secret(SecretMethod, ClientSecretHash),
}

/// The method by which a secret is sent (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header (RFC 6749 §2.3.1).
    Basic,
    /// In the body.
    Post,
}

/// The stored form of a secret: its SHA-256, 32 bytes.
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
    /// Both methods, in the order of the metadata.
    pub const ALL: [Self; 2] = [Self::Basic, Self::Post];

    /// Its name in metadata and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// The method with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl ClientSecretHash {
    /// A new secret, which is shown once, and its stored form.
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

    /// Whether this is the stored form of a secret. Compares in constant time.
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
