//! The signature algorithms, with their names from RFC 7518 §3.1 and RFC 8037 §3.1.
//!
//! Each has one parameter set: P-256, RSA with SHA-256, Ed25519, HMAC-SHA-256. `none` is not in the enum, so
//! code cannot select it. The key determines the algorithm; verification only compares the token's `alg`
//! header with it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A signature algorithm. Each key has exactly one (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The default, because every common JWT library supports it.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256. OpenID Connect requires every provider to support it.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519. Node's `jsonwebtoken` and Spring Security do not support it.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// HMAC-SHA-256. A verifier holds the signing secret and can sign too, so use it within one backend only.
    #[serde(rename = "HS256")]
    Hs256,
}

impl Algorithm {
    /// All algorithms, with the default first.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa, Self::Hs256];

    /// The value of the `alg` header and of the `alg` member of a JWK, such as `ES256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// Whether the same secret signs and verifies. A symmetric key has no public key to publish.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text is not the name of an [`Algorithm`]. Names are case-sensitive (RFC 7515 §4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signature algorithm; use ES256, RS256, PS256, EdDSA or HS256")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}
