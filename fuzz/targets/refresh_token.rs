//! Refresh tokens. Text without a valid tag is always rejected. The target also adds a valid tag to fifty
//! bytes of input; reading them must not crash, and an accepted token has only one encoding.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::refresh_token::{PREFIX, RefreshToken};
use countersign_core::{Secret, ServerKeys};
use libfuzzer_sys::fuzz_target;

/// SHA-256 of `fuzz`, because the server rejects a master key that does not look random.
const MASTER_KEY: [u8; 32] = [
    147, 133, 11, 112, 117, 133, 228, 4, 228, 149, 26, 61, 220, 31, 5, 163, 75, 61, 79, 95, 192, 129, 214,
    22, 244, 109, 138, 46, 143, 28, 142, 104,
];
const BODY: usize = 50;

static KEYS: LazyLock<ServerKeys> = LazyLock::new(|| {
    ServerKeys::parse(&Secret::new(URL_SAFE_NO_PAD.encode(MASTER_KEY))).expect("32 bytes are a master key")
});

/// The key for tags, derived like in the server.
static TAG_KEY: LazyLock<hmac::Key> = LazyLock::new(|| {
    let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign").extract(&MASTER_KEY);
    let mut key = [0; 32];
    let expanded = pseudorandom.expand(&[b"csr/tag"], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
    expanded.expect("HKDF-SHA256 yields 32 bytes");
    hmac::Key::new(hmac::HMAC_SHA256, &key)
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(RefreshToken::parse(text, &KEYS).is_err(), "a token without a valid tag was accepted");
    }
    let text = tagged(bytes, KEYS.newest().id());
    let is_version_1 = bytes.first() == Some(&1);
    match RefreshToken::parse(&text, &KEYS) {
        Ok(token) => {
            assert!(is_version_1);
            assert_eq!(token.seal(&KEYS).expect("the key exists").expose(), &text);
        }
        Err(_) => assert!(!is_version_1, "a tagged body of version 1 is a token"),
    }
});

/// A token whose body is the bytes, cut or zero-filled to its length, with a valid key ID and tag.
fn tagged(bytes: &[u8], key_id: u8) -> String {
    let mut body = [0; BODY];
    for (target, byte) in body.iter_mut().zip(bytes) {
        *target = *byte;
    }
    body[1] = key_id;
    let mut context = hmac::Context::with_key(&TAG_KEY);
    context.update(b"csr/tag");
    context.update(&body);
    let tag = context.sign();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&body[..], &tag.as_ref()[..16]].concat()))
}
