//! What can go wrong with keys, with signing and with verifying.
//!
//! Every variant of [`VerifyError`] says who is at fault, for the log. A client is told only that its token
//! was not accepted: which check refused it helps nobody but an attacker.

use crate::json::JsonError;

/// A key cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// At fault: whoever stores the key. It is not PKCS#8 for this algorithm, or it is damaged.
    #[error("not a private key for {algorithm} in PKCS#8 form")]
    NotAPrivateKey {
        /// What the key was to be used for.
        algorithm: crate::Algorithm,
    },
    /// At fault: whoever chose the key. RFC 7518 §3.2 and §3.3 demand more.
    #[error("the key is too weak: HMAC needs at least 32 bytes and RSA 2048 to 8192 bits")]
    Weak,
    /// At fault: whoever published the key. A token names its key, so a key without `kid` is never found.
    #[error("the key has no `kid`")]
    MissingKeyId,
    /// At fault: the machine, out of memory or of entropy.
    #[error("the cryptographic library could not make a key")]
    Generation,
}

/// A public key, or a set of them, cannot be accepted. A set ignores keys that cannot be accepted (RFC 7517 §5).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// At fault: the publisher. The bytes are too many or are not strict JSON.
    #[error("the key is not acceptable JSON")]
    Json(#[from] JsonError),
    /// At fault: the publisher. A required member is missing, of the wrong type or too long.
    #[error("the member `{0}` is missing or malformed")]
    Member(&'static str),
    /// At fault: the publisher. The members are well-formed but are no key: a point off the curve, an even
    /// exponent.
    #[error("the key material is not a valid {0} key")]
    Material(crate::Algorithm),
    /// At fault: the publisher, who gave away a secret. Revoke that key.
    #[error("the key contains the private member `{0}`")]
    Private(&'static str),
    /// Nobody is at fault: the key is for something else.
    #[error("the key has an unsupported `{0}`")]
    Unsupported(&'static str),
    /// At fault: the publisher. More keys than anyone needs, or more bytes.
    #[error("the key set is too large")]
    TooLarge,
}

/// A token cannot be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// At fault: the caller. The claims do not serialise.
    #[error("the claims do not serialise")]
    Claims(#[source] serde_json::Error),
    /// At fault: the caller. RFC 7519 §4 wants an object.
    #[error("the claims are not a JSON object")]
    NotAnObject,
    /// At fault: whoever gave the user so many claims. No verifier would read the token.
    #[error("the token would be longer than any verifier reads")]
    TooLong,
    /// At fault: the machine, out of memory or of entropy.
    #[error("the cryptographic library could not sign")]
    Signature,
}

/// A token is not accepted. Unless a variant says otherwise, its sender is at fault and must get a new one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// At fault: the sender. No honest token is this long.
    #[error("the token is longer than any that is issued")]
    TooLong,
    /// At fault: the sender. Not a JWS, perhaps a JWE, an opaque token, or `Bearer` left in front.
    #[error("the token does not have three parts")]
    NotThreeParts,
    /// At fault: the sender. Padding, another alphabet or trailing bits in the named part.
    #[error("the {0} is not canonical base64url")]
    Encoding(&'static str),
    /// At fault: the sender. The named part is not strict JSON.
    #[error("the {part} is not acceptable JSON")]
    Json {
        /// `header` or `payload`.
        part: &'static str,
        /// What the parser found.
        source: JsonError,
    },
    /// At fault: the sender. The named part is JSON, but not an object.
    #[error("the {0} is not a JSON object")]
    NotAnObject(&'static str),
    /// At fault: the issuer. The header member is missing or of the wrong type.
    #[error("the header member `{0}` is missing or malformed")]
    Header(&'static str),
    /// At fault: the issuer, or an attacker. The header asks for something that is never done: extensions
    /// (`crit`, `b64`), compression (`zip`) or encryption (`enc`).
    #[error("the header member `{0}` is not accepted")]
    ForbiddenHeader(&'static str),
    /// At fault: the issuer, or the sender of another issuer's token. The header has no `kid`.
    #[error("the token does not name its key")]
    MissingKeyId,
    /// At fault: the issuer, whose keys are newer than ours, or an attacker. Fetch the key set again, not
    /// too often.
    #[error("no known key has the token's `kid`")]
    UnknownKey,
    /// At fault: an attacker, most likely. The key decides on the algorithm, never the header.
    #[error("the header names another algorithm than the key's")]
    AlgorithmMismatch,
    /// At fault: the sender. A token of another kind, such as an ID token sent to an API.
    #[error("the token is not of the type {0}")]
    WrongType(crate::TokenType),
    /// At fault: an attacker, or whoever damaged the token on its way.
    #[error("the signature does not verify")]
    BadSignature,
    /// At fault: the issuer. The claim is missing or of the wrong JSON type, which is never "absent".
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// At fault: the sender. Another issuer's token.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// At fault: the sender. The token is for another API.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Nobody is at fault: the sender refreshes.
    #[error("the token has expired")]
    Expired,
    /// At fault: a clock, the issuer's or ours, if the sender did not try too early (`nbf`, `iat`).
    #[error("the token is not valid yet")]
    NotYetValid,
    /// At fault: the caller, whose type for the claims does not match what the issuer sends.
    #[error("the claims do not have the expected shape")]
    Shape(#[source] serde_json::Error),
}
