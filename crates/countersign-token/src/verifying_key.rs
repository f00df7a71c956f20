//! A key that verifies signatures with exactly one algorithm (RFC 8725 §3.1).
//!
//! The algorithm is a property of the key. A token's header therefore cannot make a verifier use an RSA
//! public key as an HMAC secret. The key is parsed once, when it is created.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;

use crate::error::{KeyError, VerifyError};
use crate::jwk::Jwk;
use crate::{Algorithm, KeyId};

/// Verifies signatures of one key with one algorithm. Share it by reference; no lock is needed.
#[derive(Clone)]
pub struct VerifyingKey {
    key_id: KeyId,
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl VerifyingKey {
    /// Creates the key from a published public key.
    ///
    /// # Errors
    ///
    /// [`KeyError::MissingKeyId`] if the key has no `kid`. The publisher can use [`Jwk::thumbprint`] as
    /// `kid`.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let key_id = jwk.key_id().cloned().ok_or(KeyError::MissingKeyId)?;
        let parsed = jwk.public_key().parse().expect("a Jwk is checked when it is created");
        Ok(Self { key_id, algorithm: jwk.algorithm(), material: Material::Public(parsed) })
    }

    pub(crate) fn shared(key_id: KeyId, secret: Box<hmac::Key>) -> Self {
        Self { key_id, algorithm: Algorithm::Hs256, material: Material::Shared(secret) }
    }

    /// The `kid` of this key. Tokens that it verifies have the same `kid` in their header.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The only accepted value of a token's `alg` header.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Verifies the signature of a message (RFC 7515 §5.2, step 8), without any check of claims. To verify a
    /// token, use [`crate::verify`].
    ///
    /// # Errors
    ///
    /// [`VerifyError::BadSignature`] if the signature is malformed or was not made with this key.
    pub fn verify_signature(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature),
            Material::Shared(secret) => hmac::verify(secret, message, signature),
        }
        .map_err(|_| VerifyError::BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({}, {})", self.key_id, self.algorithm)
    }
}
