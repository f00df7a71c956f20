//! A key that signs tokens.
//!
//! Parsing a P-256 key costs two thirds of a signature, so it happens once: a [`SigningKey`] keeps the
//! parsed key, and with it the encoded header of every token type. A token is then one serialisation, one
//! base64 and one signature, built in one buffer. Randomness comes from inside the cryptographic library.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{error::Unspecified, hmac, rand};
use serde::Serialize;

use crate::error::{KeyError, SignError};
use crate::jwk::Jwk;
use crate::public_key::PublicKey;
use crate::{Algorithm, KeyId, LONGEST_TOKEN, Secret, TokenType, VerifyingKey, base64url};

/// Signs tokens with one key and one algorithm; safe to share between threads.
pub struct SigningKey {
    key_id: KeyId,
    algorithm: Algorithm,
    material: Material,
    public_jwk: Option<Jwk>,
    verifying_key: VerifyingKey,
    /// The encoded header with its dot, by [`TokenType`].
    headers: [String; TokenType::ALL.len()],
}

enum Material {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    RsaPkcs1(RsaKeyPair),
    RsaPss(RsaKeyPair),
    Shared(Box<hmac::Key>),
}

/// RFC 7518 §3.2: the secret has at least the size of the hash.
const SHORTEST_SECRET: usize = 32;

impl SigningKey {
    /// Makes new key material: PKCS#8 v1 in DER, or 32 bytes for HS256. RSA keys have 3072 bits, which is
    /// the strength of the others.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generation`] when the machine has no memory or entropy to give.
    pub fn generate(algorithm: Algorithm) -> Result<Secret<Vec<u8>>, KeyError> {
        generate_material(algorithm).map(Secret::new).map_err(|_| KeyError::Generation)
    }

    /// Parses unencrypted PKCS#8 in DER, or takes an HMAC secret of at least 32 bytes as it is.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAPrivateKey`] when the material is for another algorithm or damaged;
    /// [`KeyError::Weak`] when it is too short.
    pub fn parse(algorithm: Algorithm, key_id: KeyId, material: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        let material = Material::parse(algorithm, material.expose())?;
        let public_jwk = material.public_key(algorithm)?.map(|key| Jwk::new(Some(key_id.clone()), key));
        let verifying_key = match (&material, &public_jwk) {
            (Material::Shared(secret), _) => VerifyingKey::shared(key_id.clone(), secret.clone()),
            (_, Some(jwk)) => VerifyingKey::from_jwk(jwk)?,
            (_, None) => return Err(KeyError::NotAPrivateKey { algorithm }),
        };
        let headers = TokenType::ALL.map(|token_type| encoded_header(algorithm, token_type, &key_id));
        Ok(Self { key_id, algorithm, material, public_jwk, verifying_key, headers })
    }

    /// The name under which the key is published, and which its tokens carry.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// What the key's tokens say in `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What to publish; `None` for HS256, which has nothing that may be published.
    pub fn public_jwk(&self) -> Option<Jwk> {
        self.public_jwk.clone()
    }

    /// The counterpart that checks what this key signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying_key.clone()
    }

    /// Signs claims, which must serialise to a JSON object.
    ///
    /// # Errors
    ///
    /// When the claims do not serialise to an object, or make the token too long for any verifier.
    pub fn sign<C: Serialize>(&self, token_type: TokenType, claims: &C) -> Result<String, SignError> {
        let payload = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        if payload.first() != Some(&b'{') {
            return Err(SignError::NotAnObject);
        }
        let header = &self.headers[token_type as usize];
        let length = encoded_length(payload.len()) + encoded_length(self.material.signature_length());
        let mut token = String::with_capacity(header.len() + length + 1);
        token.push_str(header);
        base64url::encode_onto(&mut token, &payload);
        self.material.sign_onto(&mut token).map_err(|_| SignError::Signature)?;
        if token.len() > LONGEST_TOKEN { Err(SignError::TooLong) } else { Ok(token) }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, {})", self.key_id, self.algorithm)
    }
}

impl Material {
    fn parse(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).map(Self::P256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(bytes).map(Self::Ed25519),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(bytes).map(Self::RsaPkcs1),
            Algorithm::Ps256 => RsaKeyPair::from_pkcs8(bytes).map(Self::RsaPss),
            Algorithm::Hs256 if bytes.len() < SHORTEST_SECRET => return Err(KeyError::Weak),
            Algorithm::Hs256 => Ok(Self::Shared(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))),
        }
        .map_err(|_| KeyError::NotAPrivateKey { algorithm })
    }

    fn public_key(&self, algorithm: Algorithm) -> Result<Option<PublicKey>, KeyError> {
        let key = match self {
            Self::Shared(_) => return Ok(None),
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                PublicKey::p256(array(x), array(y))
            }
            Self::Ed25519(pair) => PublicKey::ed25519(array(pair.public_key().as_ref())),
            Self::RsaPkcs1(pair) | Self::RsaPss(pair) => {
                let key = pair.public_key();
                let number = |positive: aws_lc_rs::io::Positive<'_>| {
                    positive.big_endian_without_leading_zero().to_vec()
                };
                PublicKey::rsa(algorithm, number(key.modulus()), number(key.exponent()))
            }
        };
        key.map(Some).map_err(|_| KeyError::Weak)
    }

    fn signature_length(&self) -> usize {
        match self {
            Self::P256(_) | Self::Ed25519(_) => 64,
            Self::RsaPkcs1(pair) | Self::RsaPss(pair) => pair.public_modulus_len(),
            Self::Shared(_) => 32,
        }
    }

    /// Signs what `token` holds so far, then appends a dot and the signature.
    fn sign_onto(&self, token: &mut String) -> Result<(), Unspecified> {
        let message = token.as_bytes();
        match self {
            Self::P256(pair) => append(token, pair.sign(&SystemRandom::new(), message)?.as_ref()),
            Self::Ed25519(pair) => append(token, pair.try_sign(message)?.as_ref()),
            Self::Shared(secret) => append(token, hmac::sign(secret, message).as_ref()),
            Self::RsaPkcs1(pair) | Self::RsaPss(pair) => {
                let padding: &dyn aws_lc_rs::signature::RsaEncoding =
                    if matches!(self, Self::RsaPss(_)) { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature)?;
                append(token, &signature);
            }
        }
        Ok(())
    }
}

fn generate_material(algorithm: Algorithm) -> Result<Vec<u8>, Unspecified> {
    let random = SystemRandom::new();
    Ok(match algorithm {
        Algorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?.as_ref().to_vec()
        }
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref().to_vec(),
        Algorithm::Rs256 | Algorithm::Ps256 => {
            RsaKeyPair::generate(KeySize::Rsa3072)?.as_der()?.as_ref().to_vec()
        }
        Algorithm::Hs256 => rand::generate::<[u8; SHORTEST_SECRET]>(&random)?.expose().to_vec(),
    })
}

fn encoded_header(algorithm: Algorithm, token_type: TokenType, key_id: &KeyId) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'static str,
        kid: &'a KeyId,
    }
    let header = Header { alg: algorithm, typ: token_type.name(), kid: key_id };
    let json = serde_json::to_vec(&header).expect("three strings always serialise");
    let mut encoded = base64url::encode(&json);
    encoded.push('.');
    encoded
}

fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    base64url::encode_onto(token, signature);
}

fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

fn array(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("P-256 coordinates and Ed25519 keys have 32 bytes")
}
