//! A public key as a JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) and its thumbprint.
//!
//! Every [`Jwk`] value is a usable public key for exactly one algorithm: sizes are bounded, the point is on
//! the curve, and the RSA modulus has 2048 to 8192 bits. Private members are rejected and symmetric keys are
//! not supported. `x5u`, `x5c` and `x5t` are ignored: a verifier trusts a key because of where it fetched it.

use aws_lc_rs::digest;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::JwkError;
use crate::json::parse_strict;
use crate::public_key::PublicKey;
use crate::{Algorithm, KeyId, base64url};

/// A public key with its algorithm and an optional `kid`.
///
/// Serialises to `kty`, `use`, `alg`, `kid` and the members of its type, in that order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    key_id: Option<KeyId>,
    public_key: PublicKey,
}

/// In bytes. An RSA key of 8192 bits takes 1.5 kB; the rest is for certificates.
const LONGEST_JWK: usize = 16 * 1024;

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl Jwk {
    pub(crate) fn new(key_id: Option<KeyId>, public_key: PublicKey) -> Self {
        Self { key_id, public_key }
    }

    /// Parses one key. An RSA key without `alg` becomes an RS256 key; the other key types have one algorithm
    /// each.
    ///
    /// # Errors
    ///
    /// - [`JwkError::TooLarge`] if it has more than 16 KiB, [`JwkError::Json`] if it is not strict JSON.
    /// - [`JwkError::Unsupported`] if the key has another purpose, type, curve, size or algorithm.
    /// - [`JwkError::Member`], [`JwkError::Material`] or [`JwkError::Private`] if the key is malformed, is
    ///   not a valid key, or has private members.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkError> {
        if bytes.len() > LONGEST_JWK {
            return Err(JwkError::TooLarge);
        }
        Self::from_value(&parse_strict(bytes)?)
    }

    /// Reads one key from a value that [`parse_strict`] returned, such as a part of a larger document.
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`Jwk::parse`], except [`JwkError::TooLarge`] and [`JwkError::Json`].
    pub fn from_value(value: &Value) -> Result<Self, JwkError> {
        let members = value.as_object().ok_or(JwkError::Member("kty"))?;
        let key_type = text(members, "kty")?.ok_or(JwkError::Member("kty"))?;
        if !["EC", "OKP", "RSA"].contains(&key_type) {
            return Err(JwkError::Unsupported("kty"));
        }
        if let Some(name) = PRIVATE_MEMBERS.into_iter().find(|name| members.contains_key(*name)) {
            return Err(JwkError::Private(name));
        }
        check_purpose(members)?;
        let key_id = match text(members, "kid")? {
            Some(kid) => Some(KeyId::parse(kid).map_err(|_| JwkError::Member("kid"))?),
            None => None,
        };
        let public_key = match key_type {
            "EC" => elliptic_curve(members)?,
            "OKP" => octet_key_pair(members)?,
            _ => rsa(members)?,
        };
        Ok(Self { key_id, public_key })
    }

    /// The `kid`. A key without one cannot verify tokens, because keys are looked up by the token's `kid`.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }

    /// The only algorithm that the key can be used with.
    pub fn algorithm(&self) -> Algorithm {
        self.public_key.algorithm()
    }

    /// The SHA-256 thumbprint in base64url, 43 characters (RFC 7638 §3). It can serve as `kid` or `jkt`.
    pub fn thumbprint(&self) -> String {
        let canonical = match PublicMembers::of(&self.public_key) {
            PublicMembers::EllipticCurve { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            PublicMembers::OctetKeyPair { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            PublicMembers::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        base64url::encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
}

impl Serialize for Jwk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = PublicMembers::of(&self.public_key);
        let key_type = match members {
            PublicMembers::EllipticCurve { .. } => "EC",
            PublicMembers::OctetKeyPair { .. } => "OKP",
            PublicMembers::Rsa { .. } => "RSA",
        };
        Wire { kty: key_type, r#use: "sig", alg: self.algorithm(), kid: self.key_id(), members }
            .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    kty: &'static str,
    r#use: &'static str,
    alg: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a KeyId>,
    #[serde(flatten)]
    members: PublicMembers,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PublicMembers {
    EllipticCurve { crv: &'static str, x: String, y: String },
    OctetKeyPair { crv: &'static str, x: String },
    Rsa { n: String, e: String },
}

impl PublicMembers {
    fn of(public_key: &PublicKey) -> Self {
        match public_key {
            PublicKey::P256 { x, y } => {
                Self::EllipticCurve { crv: "P-256", x: base64url::encode(x), y: base64url::encode(y) }
            }
            PublicKey::Ed25519 { x } => Self::OctetKeyPair { crv: "Ed25519", x: base64url::encode(x) },
            PublicKey::Rsa { n, e, .. } => Self::Rsa { n: base64url::encode(n), e: base64url::encode(e) },
        }
    }
}

/// Rejects a key whose `use` or `key_ops` do not allow verification (RFC 7517 §4.2 and §4.3).
fn check_purpose(members: &Map<String, Value>) -> Result<(), JwkError> {
    if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::Unsupported("use"));
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().all(Value::is_string) => {
            let verifies = operations.iter().any(|operation| operation == "verify");
            if verifies { Ok(()) } else { Err(JwkError::Unsupported("key_ops")) }
        }
        Some(_) => Err(JwkError::Member("key_ops")),
    }
}

fn elliptic_curve(members: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    check_curve(members, "P-256")?;
    algorithm_among(members, &[Algorithm::Es256])?;
    PublicKey::p256(coordinate(members, "x")?, coordinate(members, "y")?)
}

fn octet_key_pair(members: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    check_curve(members, "Ed25519")?;
    algorithm_among(members, &[Algorithm::EdDsa])?;
    PublicKey::ed25519(coordinate(members, "x")?)
}

fn rsa(members: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    let algorithm = algorithm_among(members, &[Algorithm::Rs256, Algorithm::Ps256])?;
    PublicKey::rsa(algorithm, bytes(members, "n")?, bytes(members, "e")?)
}

fn check_curve(members: &Map<String, Value>, supported: &str) -> Result<(), JwkError> {
    match text(members, "crv")? {
        None => Err(JwkError::Member("crv")),
        Some(curve) if curve == supported => Ok(()),
        Some(_) => Err(JwkError::Unsupported("crv")),
    }
}

/// Returns the algorithm that `alg` names, or the first of `supported` if the key has no `alg`.
fn algorithm_among(members: &Map<String, Value>, supported: &[Algorithm]) -> Result<Algorithm, JwkError> {
    let named = match text(members, "alg")? {
        // RFC 9864 §2.2 registers `Ed25519` as the name of what this crate calls `EdDSA`.
        Some("Ed25519") => Some("EdDSA"),
        named => named,
    };
    let mut candidates = supported.iter().copied();
    match named {
        None => candidates.next(),
        Some(name) => candidates.find(|algorithm| algorithm.name() == name),
    }
    .ok_or(JwkError::Unsupported("alg"))
}

/// Coordinates have 32 bytes, including leading zeros (RFC 7518 §6.2.1.2).
fn coordinate(members: &Map<String, Value>, name: &'static str) -> Result<[u8; 32], JwkError> {
    bytes(members, name)?.try_into().map_err(|_| JwkError::Member(name))
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    text(members, name)?.and_then(base64url::decode).ok_or(JwkError::Member(name))
}

/// Returns `None` if the member is absent. A value that is not a string is an error.
fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwkError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::Member(name)),
    }
}
