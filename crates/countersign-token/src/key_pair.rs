//! Private keys of asymmetric algorithms, in the parsed form of the cryptographic library.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};

use crate::error::KeyError;
use crate::public_key::PublicKey;
use crate::{Algorithm, base64url};

pub(crate) enum KeyPair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa { pair: RsaKeyPair, padding: Padding },
}

/// RSASSA-PKCS1-v1_5 or RSASSA-PSS (RFC 7518 §3.3, §3.5).
#[derive(Clone, Copy)]
pub(crate) enum Padding {
    Pkcs1,
    Pss,
}

impl KeyPair {
    pub(crate) fn parse_p256(pkcs8: &[u8]) -> Result<Self, KeyError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map(Self::P256)
            .map_err(|_| KeyError::NotAPrivateKey { algorithm: Algorithm::Es256 })
    }

    pub(crate) fn parse_ed25519(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8(pkcs8)
            .map(Self::Ed25519)
            .map_err(|_| KeyError::NotAPrivateKey { algorithm: Algorithm::EdDsa })
    }

    pub(crate) fn parse_rsa(padding: Padding, pkcs8: &[u8]) -> Result<Self, KeyError> {
        RsaKeyPair::from_pkcs8(pkcs8)
            .map(|pair| Self::Rsa { pair, padding })
            .map_err(|_| KeyError::NotAPrivateKey { algorithm: padding.algorithm() })
    }

    /// The public key, checked against the same limits as keys from other publishers.
    pub(crate) fn public_key(&self) -> Result<PublicKey, KeyError> {
        match self {
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                PublicKey::p256(array(x), array(y))
            }
            Self::Ed25519(pair) => PublicKey::ed25519(array(pair.public_key().as_ref())),
            Self::Rsa { pair, padding } => {
                let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
                let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
                PublicKey::rsa(padding.algorithm(), modulus, exponent)
            }
        }
        .map_err(|_| KeyError::Weak)
    }

    /// The length of a signature in bytes.
    pub(crate) fn signature_length(&self) -> usize {
        match self {
            Self::P256(_) | Self::Ed25519(_) => 64,
            Self::Rsa { pair, .. } => pair.public_modulus_len(),
        }
    }

    /// Signs the text of `token`, and appends a dot and the signature.
    pub(crate) fn sign_onto(&self, token: &mut String) -> Result<(), Unspecified> {
        let message = token.as_bytes();
        match self {
            Self::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message)?;
                base64url::append_part(token, signature.as_ref());
            }
            Self::Ed25519(pair) => {
                let signature = pair.try_sign(message)?;
                base64url::append_part(token, signature.as_ref());
            }
            Self::Rsa { pair, padding } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding.encoding(), &SystemRandom::new(), message, &mut signature)?;
                base64url::append_part(token, &signature);
            }
        }
        Ok(())
    }
}

impl Padding {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::Pkcs1 => Algorithm::Rs256,
            Self::Pss => Algorithm::Ps256,
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Pkcs1 => &RSA_PKCS1_SHA256,
            Self::Pss => &RSA_PSS_SHA256,
        }
    }
}

pub(crate) fn generate_p256() -> Result<Vec<u8>, Unspecified> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    Ok(pkcs8.as_ref().to_vec())
}

/// PKCS#8 version 1, because some libraries cannot read version 2, which also contains the public key.
pub(crate) fn generate_ed25519() -> Result<Vec<u8>, Unspecified> {
    Ok(Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())?.as_ref().to_vec())
}

/// RSA with 3072 bits is as strong as P-256 (NIST SP 800-57 part 1 §5.6.1.1).
pub(crate) fn generate_rsa() -> Result<Vec<u8>, Unspecified> {
    Ok(RsaKeyPair::generate(KeySize::Rsa3072)?.as_der()?.as_ref().to_vec())
}

fn array(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("P-256 coordinates and Ed25519 keys have 32 bytes")
}
