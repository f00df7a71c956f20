//! Tokens. Unsigned bytes are never accepted. The target also signs the bytes, with the first line as header
//! and the rest as payload; they are accepted only with the expected header and claims.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_token::legacy::{self, LegacyKey};
use countersign_token::{
    Algorithm, Expected, Jwk, KeyId, KeySet, Secret, SigningKey, Timestamp, TokenType, VerifyingKey,
    unverified, verify,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const SECRET: &str = "thirty-two bytes that nobody has";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Public keys from RFC 7515 appendix A.3 and RFC 8037 appendix A.2.
const PUBLIC_KEYS: [&str; 2] = [
    r#"{"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    r#"{"kty":"OKP","crv":"Ed25519","kid":"o","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
];

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let material = Secret::new(SECRET.as_bytes().to_vec());
    let kid = KeyId::parse("h").expect("one letter is a valid key ID");
    let shared = SigningKey::parse(Algorithm::Hs256, kid, &material).expect("the secret is long enough");
    let public = PUBLIC_KEYS.map(|jwk| {
        let jwk = Jwk::parse(jwk.as_bytes()).expect("the RFC's key is valid");
        VerifyingKey::from_jwk(&jwk).expect("the key has a kid")
    });
    KeySet::new(public.into_iter().chain([shared.verifying_key()]))
});

static EXPECTED: LazyLock<Expected> = LazyLock::new(|| Expected {
    issuer: "i".into(),
    audience: "a".into(),
    token_type: TokenType::AccessToken,
    leeway: Duration::from_secs(5),
});

static LEGACY_KEY: LazyLock<LegacyKey> =
    LazyLock::new(|| LegacyKey::new(&Secret::new(SECRET.into())).expect("the secret is not empty"));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(verify::<Value>(text, &KEYS, &EXPECTED, NOW).is_err(), "an unsigned token was accepted");
        assert!(
            legacy::verify(text, &LEGACY_KEY, Duration::ZERO, NOW).is_err(),
            "an unsigned token was accepted"
        );
        let _ = unverified::decode(text);
    }
    let token = signed(bytes);
    if let Ok(claims) = verify::<Value>(&token, &KEYS, &EXPECTED, NOW) {
        assert_eq!(claims["iss"], "i");
        assert!(
            claims["aud"] == "a" || claims["aud"].as_array().is_some_and(|all| all.contains(&"a".into()))
        );
        assert!(claims["exp"].as_f64().is_some_and(|exp| exp > 1_799_999_994.0));
        let seen = unverified::decode(&token).expect("a verified token can be decoded");
        assert_eq!(seen.claims, claims);
        assert_eq!(seen.header["alg"], "HS256");
        assert_eq!(seen.header["kid"], "h");
    }
    if let Ok(claims) = legacy::verify(&token, &LEGACY_KEY, Duration::ZERO, NOW) {
        assert!(claims["exp"].as_f64().is_some_and(|exp| exp > 1_800_000_000.0));
    }
});

fn signed(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (header, rest) = bytes.split_at(end);
    let payload = rest.get(1..).unwrap_or_default();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}
