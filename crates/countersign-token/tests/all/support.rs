//! Keys and tokens for tests. Keys are generated once per run; malformed tokens are built by hand.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_token::{
    Algorithm, Expected, KeyId, KeySet, Secret, SigningKey, Timestamp, TokenType, VerifyError, verify,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// One key per algorithm. Its `kid` is the name of the algorithm.
pub(crate) fn signing_key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: [OnceLock<SigningKey>; 5] = [const { OnceLock::new() }; 5];
    KEYS[algorithm as usize].get_or_init(|| {
        let kid = KeyId::parse(algorithm.name()).unwrap();
        SigningKey::parse(algorithm, kid, material(algorithm)).unwrap()
    })
}

/// The key material of [`signing_key`], for signing with other libraries.
pub(crate) fn material(algorithm: Algorithm) -> &'static Secret<Vec<u8>> {
    static MATERIAL: [OnceLock<Secret<Vec<u8>>>; 5] = [const { OnceLock::new() }; 5];
    MATERIAL[algorithm as usize].get_or_init(|| SigningKey::generate(algorithm).unwrap())
}

pub(crate) fn all_keys() -> KeySet {
    KeySet::new(Algorithm::ALL.map(|algorithm| signing_key(algorithm).verifying_key()))
}

pub(crate) fn expected() -> Expected {
    Expected {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        token_type: TokenType::AccessToken,
        leeway: Duration::from_secs(5),
    }
}

pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": NOW.seconds() + 600, "sub": "alice" })
}

/// [`claims`] with one claim replaced.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// [`claims`] without one claim.
pub(crate) fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A valid header. Tests change it and pass it to [`signed_by_hand`].
pub(crate) fn header(algorithm: Algorithm) -> Value {
    json!({ "alg": algorithm.name(), "typ": "at+jwt", "kid": algorithm.name() })
}

pub(crate) fn header_with(name: &str, value: Value) -> Value {
    let mut header = header(Algorithm::Es256);
    header[name] = value;
    header
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A token with exactly these bytes as header and payload and a valid ES256 signature, so that only its
/// content can be the reason of a rejection.
pub(crate) fn signed_by_hand(header: &str, payload: &str) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

    signing_key(Algorithm::Es256);
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, material(Algorithm::Es256).expose())
            .unwrap();
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(signature))
}

/// A token of these bytes, signed with HMAC-SHA-256 and a secret that the attacker chose.
pub(crate) fn signed_with_secret(header: &str, payload: &str, secret: &[u8]) -> String {
    use aws_lc_rs::hmac;

    let signed = format!("{}.{}", encode(header), encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", encode(tag))
}

pub(crate) fn verified(token: &str) -> Result<Value, VerifyError> {
    verify(token, &all_keys(), &expected(), NOW)
}

/// The result for a token with a valid signature and these claims.
pub(crate) fn verified_claims(claims: &Value) -> Result<Value, VerifyError> {
    verified(&signed_by_hand(&header(Algorithm::Es256).to_string(), &claims.to_string()))
}

/// The result for a token with a valid signature and this header.
pub(crate) fn verified_header(header: &Value) -> Result<Value, VerifyError> {
    verified(&signed_by_hand(&header.to_string(), &claims().to_string()))
}
