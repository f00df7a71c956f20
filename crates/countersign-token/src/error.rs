//! Errors of keys, of signing and of verification.
//!
//! The variants of [`VerifyError`] are for the log, and say who is at fault. Tell the client only that its
//! token was not accepted: the failed check would help an attacker.

use crate::json::JsonError;

/// A key cannot be generated or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// At fault: the caller. The bytes are damaged, or are not PKCS#8 for this algorithm.
    #[error("not a PKCS#8 private key for {algorithm}")]
    NotAPrivateKey {
        /// The algorithm that the caller asked for.
        algorithm: crate::Algorithm,
    },
    /// At fault: the caller. RFC 7518 §3.2 and §3.3 require a stronger key.
    #[error("the key is too weak: an HMAC secret needs at least 32 bytes, an RSA key 2048 to 8192 bits")]
    Weak,
    /// At fault: the publisher of the key. Keys are looked up by the token's `kid`, so a key without one is
    /// never found.
    #[error("the key has no `kid`")]
    MissingKeyId,
    /// At fault: the machine, which has no memory or entropy left.
    #[error("the cryptographic library failed to generate a key")]
    Generation,
}

/// A public key or a key set is rejected. A key set ignores the keys that it rejects (RFC 7517 §5).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// At fault: the publisher. The bytes are not strict JSON; see [`crate::json`].
    #[error("the key or key set could not be parsed")]
    Json(#[from] JsonError),
    /// At fault: the publisher. A required member is missing, of the wrong type or too long.
    #[error("the member `{0}` is missing or malformed")]
    Member(&'static str),
    /// At fault: the publisher. The members are well-formed but are not a valid key: the point is not on the
    /// curve, or the exponent is even.
    #[error("the key material is not a valid {0} key")]
    Material(crate::Algorithm),
    /// At fault: the publisher, who disclosed a private key. Replace that key.
    #[error("the key contains the private member `{0}`")]
    Private(&'static str),
    /// Not an error of the publisher: the key has another purpose, type, curve, size or algorithm.
    #[error("the key has an unsupported `{0}`")]
    Unsupported(&'static str),
    /// At fault: the publisher. The key has more than 16 KiB, or the set more than 512 KiB or 100 keys.
    #[error("the key or key set is too large")]
    TooLarge,
}

/// A token cannot be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// At fault: the caller. The claims could not be serialised, or an extra claim repeats a claim of the
    /// token.
    #[error("the claims could not be serialised")]
    Claims(#[source] serde_json::Error),
    /// At fault: the caller. RFC 7519 §4 requires an object.
    #[error("the claims are not a JSON object")]
    NotAnObject,
    /// At fault: the caller. The claims make the token longer than [`crate::TokenType::longest`], so
    /// verifiers would reject it.
    #[error("the token would exceed the maximum length")]
    TooLong,
    /// At fault: the machine, which has no memory or entropy left.
    #[error("the cryptographic library failed to sign")]
    Signature,
}

/// A token is not accepted. The sender must get a new token, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// At fault: the sender. The token is longer than [`crate::TokenType::longest`] of the expected type.
    #[error("the token exceeds the maximum length")]
    TooLong,
    /// At fault: the sender. The text is not a JWS. It may be a JWE or an opaque token.
    #[error("the token does not have three parts")]
    NotThreeParts,
    /// At fault: the sender. The part has padding, characters of another alphabet, or trailing bits that are
    /// not zero.
    #[error("the {0} is not canonical base64url")]
    Encoding(&'static str),
    /// At fault: the sender. The part is not strict JSON; see [`crate::json`].
    #[error("the {part} could not be parsed")]
    Json {
        /// `header` or `payload`.
        part: &'static str,
        /// The parser's error.
        source: JsonError,
    },
    /// At fault: the sender. The part is JSON, but not an object.
    #[error("the {0} is not a JSON object")]
    NotAnObject(&'static str),
    /// At fault: the issuer. The header member is missing or has the wrong type.
    #[error("the header member `{0}` is missing or malformed")]
    Header(&'static str),
    /// At fault: the issuer, or an attacker. The header uses a feature that this crate rejects: extensions
    /// (`crit`, `b64`), compression (`zip`) or encryption (`enc`).
    #[error("the header member `{0}` is not accepted")]
    ForbiddenHeader(&'static str),
    /// At fault: the issuer, or a sender that presents a token of another system.
    #[error("the token's header has no `kid`")]
    MissingKeyId,
    /// At fault: the verifier, whose key set is outdated, or an attacker. Fetch the key set again, but limit
    /// how often: an attacker can send any number of unknown `kid`s.
    #[error("no known key has the token's `kid`")]
    UnknownKey,
    /// At fault: an attacker, most likely. The key determines the algorithm, not the header.
    #[error("the header's `alg` is not the algorithm of the key")]
    AlgorithmMismatch,
    /// At fault: the sender, which presents a token of another type, such as an ID token to an API.
    #[error("the token is not of type {0}")]
    WrongType(crate::TokenType),
    /// At fault: an attacker, or a system between the issuer and the verifier that damaged the token.
    #[error("the signature does not verify")]
    BadSignature,
    /// At fault: the issuer. The claim is missing or has the wrong JSON type. A wrong type never counts as
    /// absent.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// At fault: the sender. `iss` names another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// At fault: the sender. `aud` does not contain the expected API.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Expected: the sender refreshes its tokens.
    #[error("the token has expired")]
    Expired,
    /// At fault: the sender, which uses the token too early, or a wrong clock of the issuer or the verifier
    /// (`nbf`, `iat`).
    #[error("the token is not valid yet")]
    NotYetValid,
    /// At fault: the caller, whose claims type does not match the claims that the issuer sends.
    #[error("the claims do not have the expected shape")]
    Shape(#[source] serde_json::Error),
}
