//! The signature algorithms, by the names that RFC 7518 §3.1 and RFC 8037 §3.1 give them.
//!
//! One parameter set each: P-256, RSA with SHA-256, Ed25519, HMAC-SHA-256. `none` is not a member, so no
//! code can select it. An algorithm belongs to a key; a token's header is only compared with it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The default: every verifier in use can check it.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, which OpenID Connect requires of every provider.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519. Node's `jsonwebtoken` and Spring Security cannot check it.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// HMAC-SHA-256: whoever can verify can also sign, so it serves one backend only.
    #[serde(rename = "HS256")]
    Hs256,
}

impl Algorithm {
    /// Every algorithm, the default first.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa, Self::Hs256];

    /// The value of the `alg` header and of a JWK's `alg` member.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// Whether one shared secret both signs and verifies, so that there is no public key to publish.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The name is not one of [`Algorithm::ALL`]; names are case-sensitive (RFC 7515 §4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signature algorithm; known are ES256, RS256, PS256, EdDSA and HS256")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}
