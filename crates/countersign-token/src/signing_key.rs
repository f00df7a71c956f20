//! A key that signs tokens.
//!
//! Parsing a P-256 key costs two thirds of a signature. A [`SigningKey`] therefore parses the key once, and
//! also keeps the encoded header of every token type. Signing a token is then one serialisation, one base64
//! encoding and one signature, in one buffer. Random numbers come from the cryptographic library.

use std::fmt;

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::{error::Unspecified, hmac};
use serde::Serialize;

use crate::error::{KeyError, SignError};
use crate::jwk::Jwk;
use crate::key_pair::{self, KeyPair, Padding};
use crate::{Algorithm, KeyId, Secret, TokenType, VerifyingKey, base64url};

/// Signs tokens with one key and one algorithm. It can be shared between threads.
pub struct SigningKey {
    key_id: KeyId,
    algorithm: Algorithm,
    material: Material,
    public_jwk: Option<Jwk>,
    verifying_key: VerifyingKey,
    /// The encoded header and a dot, indexed by [`TokenType`].
    headers: [String; TokenType::ALL.len()],
}

enum Material {
    Pair(KeyPair),
    Shared(Box<hmac::Key>),
}

/// In bytes. The secret must be at least as long as the hash (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

impl SigningKey {
    /// Generates key material: PKCS#8 v1 in DER, or 32 random bytes for HS256. RSA keys have 3072 bits.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generation`] if the machine has no memory or entropy left.
    pub fn generate(algorithm: Algorithm) -> Result<Secret<Vec<u8>>, KeyError> {
        match algorithm {
            Algorithm::Es256 => key_pair::generate_p256(),
            Algorithm::EdDsa => key_pair::generate_ed25519(),
            Algorithm::Rs256 | Algorithm::Ps256 => key_pair::generate_rsa(),
            Algorithm::Hs256 => generate_shared(),
        }
        .map(Secret::new)
        .map_err(|_| KeyError::Generation)
    }

    /// Parses unencrypted PKCS#8 in DER. For HS256, the material is the secret itself, of at least 32 bytes.
    ///
    /// # Errors
    ///
    /// - [`KeyError::NotAPrivateKey`] if the material is damaged, is for another algorithm, or is an RSA key
    ///   of less than 2048 bits.
    /// - [`KeyError::Weak`] if an HMAC secret has less than 32 bytes, or the public key is outside the limits
    ///   of a [`Jwk`].
    pub fn parse(algorithm: Algorithm, key_id: KeyId, material: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        let bytes = material.expose();
        match algorithm {
            Algorithm::Es256 => Self::from_pair(key_id, KeyPair::parse_p256(bytes)?),
            Algorithm::EdDsa => Self::from_pair(key_id, KeyPair::parse_ed25519(bytes)?),
            Algorithm::Rs256 => Self::from_pair(key_id, KeyPair::parse_rsa(Padding::Pkcs1, bytes)?),
            Algorithm::Ps256 => Self::from_pair(key_id, KeyPair::parse_rsa(Padding::Pss, bytes)?),
            Algorithm::Hs256 => Self::from_shared(key_id, bytes),
        }
    }

    /// The `kid` of the published key and of the tokens that it signs.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The `alg` of the tokens that the key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key to publish, or `None` for HS256, which has only a secret.
    pub fn public_jwk(&self) -> Option<Jwk> {
        self.public_jwk.clone()
    }

    /// The key that verifies the signatures of this key. For HS256 it holds the same secret.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying_key.clone()
    }

    /// Signs claims, which must serialise to a JSON object.
    ///
    /// # Errors
    ///
    /// - [`SignError::Claims`] if the claims cannot be serialised.
    /// - [`SignError::NotAnObject`] if they are not a JSON object.
    /// - [`SignError::TooLong`] if the token would be longer than [`TokenType::longest`].
    /// - [`SignError::Signature`] if the machine has no memory or entropy left.
    pub fn sign<C: Serialize>(&self, token_type: TokenType, claims: &C) -> Result<String, SignError> {
        let payload = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        if payload.first() != Some(&b'{') {
            return Err(SignError::NotAnObject);
        }
        let header = &self.headers[token_type as usize];
        let length = header.len()
            + base64url::encoded_length(payload.len())
            + 1
            + base64url::encoded_length(self.material.signature_length());
        if length > token_type.longest() {
            return Err(SignError::TooLong);
        }
        let mut token = String::with_capacity(length);
        token.push_str(header);
        base64url::append(&mut token, &payload);
        self.material.sign_onto(&mut token).map_err(|_| SignError::Signature)?;
        Ok(token)
    }

    fn from_pair(key_id: KeyId, pair: KeyPair) -> Result<Self, KeyError> {
        let jwk = Jwk::new(Some(key_id), pair.public_key()?);
        let verifying_key = VerifyingKey::from_jwk(&jwk)?;
        Ok(Self { public_jwk: Some(jwk), ..Self::new(Material::Pair(pair), verifying_key) })
    }

    fn from_shared(key_id: KeyId, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(KeyError::Weak);
        }
        let secret = Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret));
        let verifying_key = VerifyingKey::shared(key_id, secret.clone());
        Ok(Self::new(Material::Shared(secret), verifying_key))
    }

    fn new(material: Material, verifying_key: VerifyingKey) -> Self {
        let (key_id, algorithm) = (verifying_key.key_id().clone(), verifying_key.algorithm());
        let headers = TokenType::ALL.map(|token_type| encoded_header(algorithm, token_type, &key_id));
        Self { key_id, algorithm, material, public_jwk: None, verifying_key, headers }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, {})", self.key_id, self.algorithm)
    }
}

impl Material {
    fn signature_length(&self) -> usize {
        match self {
            Self::Pair(pair) => pair.signature_length(),
            Self::Shared(_) => 32,
        }
    }

    fn sign_onto(&self, token: &mut String) -> Result<(), Unspecified> {
        match self {
            Self::Pair(pair) => pair.sign_onto(token)?,
            Self::Shared(secret) => {
                let tag = hmac::sign(secret, token.as_bytes());
                base64url::append_part(token, tag.as_ref());
            }
        }
        Ok(())
    }
}

fn generate_shared() -> Result<Vec<u8>, Unspecified> {
    Ok(rand::generate::<[u8; SHORTEST_SECRET]>(&SystemRandom::new())?.expose().to_vec())
}

fn encoded_header(algorithm: Algorithm, token_type: TokenType, key_id: &KeyId) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'static str,
        kid: &'a KeyId,
    }
    let header = Header { alg: algorithm, typ: token_type.name(), kid: key_id };
    let json = serde_json::to_vec(&header).expect("a struct of three strings always serialises");
    let mut encoded = base64url::encode(&json);
    encoded.push('.');
    encoded
}
