//! The numbers of a public key, checked when the key is created (RFC 7518 §6, RFC 8037 §2).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};

use crate::Algorithm;
use crate::error::JwkError;

/// Big-endian numbers. RSA numbers have no leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    P256 { x: [u8; 32], y: [u8; 32] },
    Ed25519 { x: [u8; 32] },
    Rsa { algorithm: Algorithm, n: Vec<u8>, e: Vec<u8> },
}

/// RFC 7518 §3.3 sets the lower limit. With larger keys than the upper limit, verification takes
/// milliseconds.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// In bytes. Common exponents are 3 and 65537; a long exponent only makes verification slower.
const LONGEST_EXPONENT: usize = 4;

/// The encodings of the edwards25519 points whose order divides 8, with the sign bit cleared. Encodings with
/// a coordinate that is not reduced are included (RFC 8032 §5.1.3). RFC 7748 §7 explains the risk of such
/// points.
const SMALL_ORDER: [[u8; 32]; 7] = [
    little_endian(0, 0, 0),
    little_endian(1, 0, 0),
    little_endian(0xec, 0xff, 0x7f),
    little_endian(0xed, 0xff, 0x7f),
    little_endian(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn little_endian(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

impl PublicKey {
    /// Rejects a point that is not on the curve.
    pub(crate) fn p256(x: [u8; 32], y: [u8; 32]) -> Result<Self, JwkError> {
        Self::P256 { x, y }.checked()
    }

    /// Rejects a point of small order, because one signature would be valid for every message. Bytes that do
    /// not encode a point are accepted; a key of such bytes verifies no signature.
    pub(crate) fn ed25519(x: [u8; 32]) -> Result<Self, JwkError> {
        let mut y_coordinate = x;
        y_coordinate[31] &= 0x7f;
        if SMALL_ORDER.contains(&y_coordinate) {
            return Err(JwkError::Material(Algorithm::EdDsa));
        }
        Self::Ed25519 { x }.checked()
    }

    /// Rejects a modulus that is even or not of 2048 to 8192 bits, and an exponent that is even, 1, or over 4
    /// bytes.
    pub(crate) fn rsa(algorithm: Algorithm, n: Vec<u8>, e: Vec<u8>) -> Result<Self, JwkError> {
        if !RSA_BITS.contains(&bit_length(&n)) {
            return Err(JwkError::Unsupported("n"));
        }
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let minimal = |number: &[u8]| number.first().is_some_and(|byte| *byte != 0);
        let exponent_fits = minimal(&e) && odd(&e) && e != [1] && e.len() <= LONGEST_EXPONENT;
        if !(minimal(&n) && odd(&n) && exponent_fits) {
            return Err(JwkError::Material(algorithm));
        }
        Self::Rsa { algorithm, n, e }.checked()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256 { .. } => Algorithm::Es256,
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::Rsa { algorithm, .. } => *algorithm,
        }
    }

    /// Parses the numbers into the key type of the cryptographic library, which checks them again.
    pub(crate) fn parse(&self) -> Result<ParsedPublicKey, JwkError> {
        match self {
            Self::P256 { x, y } => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed(x, y)),
            Self::Ed25519 { x } => ParsedPublicKey::new(&ED25519, x),
            Self::Rsa { algorithm, n, e } => {
                let parameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
            }
        }
        .map_err(|_| JwkError::Material(self.algorithm()))
    }

    fn checked(self) -> Result<Self, JwkError> {
        self.parse().map(|_| self)
    }
}

/// The uncompressed encoding of a point (SEC 1 §2.3.3).
fn uncompressed(x: &[u8; 32], y: &[u8; 32]) -> [u8; 65] {
    let mut point = [4; 65];
    point[1..33].copy_from_slice(x);
    point[33..].copy_from_slice(y);
    point
}

fn bit_length(number: &[u8]) -> usize {
    let leading_zeros = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(leading_zeros)
}
