//! A registered client (RFC 6749 §2).
//!
//! A confidential client authenticates with a secret that the server made. The
//! secret has 256 random bits, so a plain hash protects it. The registration says
//! how the client sends the secret, and the server accepts no other way. The
//! client's audiences limit the tokens that it may introspect.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{ClientId, Secret, Timestamp, World};

/// The most audiences of one client.
const MAX_AUDIENCES: usize = 16;

/// The longest audience, in bytes.
const MAX_AUDIENCE: usize = 256;

/// The prefix of every secret, by which secret scanners recognise one.
const PREFIX: &str = "csc_";

/// A client as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`. No user has the same id, so that a client cannot be taken for a user (RFC 9700 §4.15).
    pub id: ClientId,
    pub authentication: ClientAuthentication,
    /// The audiences whose tokens the client may introspect.
    pub audiences: Vec<String>,
    pub created_at: Timestamp,
}

/// How a client authenticates at the token, introspection and revocation endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Not at all: a public client, such as software on users' devices (RFC 6749 §2.1).
    None,
    /// With a secret, sent by this method.
    Secret(SecretMethod, ClientSecretHash),
}

/// How a secret is sent (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header (RFC 6749 §2.3.1).
    Basic,
    /// In the request body (RFC 6749 §2.3.1).
    Post,
}

/// The SHA-256 of a secret with a label, 32 bytes. The store keeps only this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSecretHash([u8; 32]);

/// A client's audiences are too many, or one is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an audience has 1 to {MAX_AUDIENCE} visible characters, and a client at most {MAX_AUDIENCES} of them"
)]
pub struct AudienceError;

impl ClientAuthentication {
    /// The name in metadata and in the store.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secret(method, _) => method.as_str(),
        }
    }
}

impl SecretMethod {
    /// In the order in which metadata lists them.
    pub const ALL: [Self; 2] = [Self::Basic, Self::Post];

    /// The name in metadata and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// The method with this name in metadata and in the store.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl ClientSecretHash {
    /// Makes a secret, which the operator sees once, and its hash.
    pub fn generate(world: &World) -> (Secret<String>, Self) {
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(world.random::<32>()));
        let hash = Self::of(&text);
        (Secret::new(text), hash)
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the hash of `secret`. The comparison takes constant time.
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

/// Checks the audiences of a client.
///
/// # Errors
///
/// [`AudienceError`], when an audience is empty, is longer than 256 bytes or has a character other than
/// visible ASCII, or when there are more than 16.
pub fn check_audiences(audiences: Vec<String>) -> Result<Vec<String>, AudienceError> {
    let is_sound = |text: &String| {
        (1..=MAX_AUDIENCE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if audiences.len() <= MAX_AUDIENCES && audiences.iter().all(is_sound) {
        Ok(audiences)
    } else {
        Err(AudienceError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    // B11
    #[test]
    fn a_secret_has_256_random_bits_and_only_its_hash_is_stored() {
        let world = testing::world(Timestamp::from_seconds(1), 7);
        let (secret, hash) = ClientSecretHash::generate(&world);
        assert_eq!(secret.expose().len(), PREFIX.len() + 43);
        assert!(hash.is_of(&secret));
        assert!(!hash.is_of(&Secret::new(format!("{}x", secret.expose()))));
        let (other, _) = ClientSecretHash::generate(&world);
        assert!(!hash.is_of(&other));
        assert!(!format!("{hash:?}").contains(secret.expose().as_str()));
    }

    #[test]
    fn audiences_are_few_and_visible() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(check_audiences(texts(&["https://api.example", "shop"])).is_ok());
        for malformed in ["", "a b", "é", &"a".repeat(257)] {
            assert_eq!(check_audiences(texts(&[malformed])), Err(AudienceError), "{malformed:?}");
        }
        assert_eq!(check_audiences(vec!["a".to_owned(); MAX_AUDIENCES + 1]), Err(AudienceError));
    }
}
