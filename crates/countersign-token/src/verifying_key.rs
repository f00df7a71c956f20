//! A key that checks signatures, bound for good to one algorithm (RFC 8725 §3.1).
//!
//! The algorithm is a property of the key, so an RSA public key cannot be mistaken for an HMAC secret
//! whatever a token's header says. The parsed form is kept: checking a signature parses nothing.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;

use crate::error::{KeyError, VerifyError};
use crate::jwk::Jwk;
use crate::{Algorithm, KeyId};

/// Checks signatures of one key with one algorithm. Cheap to use, and to share behind a reference.
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
    /// # Errors
    ///
    /// [`KeyError::MissingKeyId`] when the key has no `kid`; [`Jwk::thumbprint`] can supply one.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let key_id = jwk.key_id().cloned().ok_or(KeyError::MissingKeyId)?;
        let parsed = jwk.public_key().parse().expect("a Jwk was checked when it was made");
        Ok(Self { key_id, algorithm: jwk.algorithm(), material: Material::Public(parsed) })
    }

    pub(crate) fn shared(key_id: KeyId, secret: Box<hmac::Key>) -> Self {
        Self { key_id, algorithm: Algorithm::Hs256, material: Material::Shared(secret) }
    }

    /// The `kid` by which tokens name this key.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// What a token's `alg` must say.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Checks a raw signature over a message and nothing else: RFC 7515 §5.2, step 8. Tokens go through
    /// [`crate::verify`].
    ///
    /// # Errors
    ///
    /// [`VerifyError::BadSignature`], whatever is wrong with it.
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
