//! Wycheproof's test vectors, verified with the same key type that verifies tokens.
//!
//! Every test asserts the number of vectors, so that it fails if an update removes some. `Acceptable` marks
//! legacy encodings; this crate rejects them all.

use countersign_token::{Algorithm, Jwk, KeyError, KeyId, Secret, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use crate::support::encode;

fn key(jwk: &Value) -> VerifyingKey {
    VerifyingKey::from_jwk(&Jwk::from_value(jwk).unwrap()).unwrap()
}

fn rsa_key(algorithm: Algorithm, public: &wycheproof::RsaPublic) -> VerifyingKey {
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        encode(&bytes[zeros..])
    };
    key(
        &json!({ "kty": "RSA", "alg": algorithm, "kid": "k", "n": number(&public.n), "e": number(&public.e) }),
    )
}

struct Signed<'a> {
    message: &'a [u8],
    signature: &'a [u8],
}

fn check(key: &VerifyingKey, id: usize, signed: &Signed<'_>, result: TestResult) {
    let accepted = key.verify_signature(signed.message, signed.signature).is_ok();
    assert_eq!(accepted, result == TestResult::Valid, "vector {id} of {key:?}");
}

// incident 4: the vectors include r = s = 0 and similar signatures.
#[test]
fn ecdsa_on_p256_with_sha_256() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let (mut run, mut of_zeros) = (0, 0);
    for group in set.test_groups {
        let (x, y) = group.key.key[1..].split_at(32);
        let key = key(&json!({ "kty": "EC", "crv": "P-256", "kid": "k", "x": encode(x), "y": encode(y) }));
        for test in group.tests {
            check(&key, test.tc_id, &Signed { message: &test.msg, signature: &test.sig }, test.result);
            of_zeros += usize::from(test.sig.iter().all(|byte| *byte == 0));
            run += 1;
        }
    }
    assert_eq!(run, 262);
    assert!(of_zeros > 0);
}

#[test]
fn eddsa_on_edwards25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut run = 0;
    for group in set.test_groups {
        let key = key(&json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encode(&*group.key.pk) }));
        for test in group.tests {
            check(&key, test.tc_id, &Signed { message: &test.msg, signature: &test.sig }, test.result);
            run += 1;
        }
    }
    assert_eq!(run, 151);
}

#[test]
fn rsa_pkcs1_with_sha_256() {
    use rsa_pkcs1_verify::{TestName, TestSet};

    let mut run = 0;
    for name in
        [TestName::Rsa2048Sha256, TestName::Rsa3072Sha256, TestName::Rsa4096Sha256, TestName::Rsa8192Sha256]
    {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = rsa_key(Algorithm::Rs256, &group.key);
            for test in group.tests {
                check(&key, test.tc_id, &Signed { message: &test.msg, signature: &test.sig }, test.result);
                run += 1;
            }
        }
    }
    assert_eq!(run, 259 + 259 + 258 + 258);
}

#[test]
fn rsa_pss_with_sha_256_and_a_salt_of_32_bytes() {
    use rsa_pss_verify::{TestName, TestSet};

    let mut run = 0;
    for name in [
        TestName::RsaPss2048Sha256Mgf1SaltLen32,
        TestName::RsaPss3072Sha256Mgf1SaltLen32,
        TestName::RsaPss4096Sha256Mgf1SaltLen32,
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = rsa_key(Algorithm::Ps256, &group.key);
            for test in group.tests {
                check(&key, test.tc_id, &Signed { message: &test.msg, signature: &test.sig }, test.result);
                run += 1;
            }
        }
    }
    assert_eq!(run, 3 * 108);
}

/// RFC 7518 §3.5 fixes the length of the salt. Signatures that are valid except for the salt are rejected.
#[test]
fn rsa_pss_with_another_salt_is_rejected() {
    use rsa_pss_verify::{TestName, TestSet};

    let mut run = 0;
    for name in [TestName::RsaPss2048Sha256Mgf1SaltLen0, TestName::RsaPss2048Sha256Mgf1Sha1_20] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = rsa_key(Algorithm::Ps256, &group.key);
            for test in group.tests.into_iter().filter(|test| test.result == TestResult::Valid) {
                check(
                    &key,
                    test.tc_id,
                    &Signed { message: &test.msg, signature: &test.sig },
                    TestResult::Invalid,
                );
                run += 1;
            }
        }
    }
    assert_eq!(run, 124);
}

/// RFC 7518 §3.2 allows neither short secrets nor truncated tags. A short secret is rejected as a key. A
/// truncated tag is rejected although Wycheproof calls it valid.
#[test]
fn hmac_with_sha_256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut run, mut short_keys, mut truncated) = (0, 0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let kid = KeyId::parse("k").unwrap();
            let parsed = SigningKey::parse(Algorithm::Hs256, kid, &Secret::new(test.key.to_vec()));
            if test.key.len() < 32 {
                assert!(matches!(parsed, Err(KeyError::Weak)));
                short_keys += 1;
            } else {
                let is_whole = group.tag_size == 256;
                let result = if is_whole { test.result } else { TestResult::Invalid };
                check(
                    &parsed.unwrap().verifying_key(),
                    test.tc_id,
                    &Signed { message: &test.msg, signature: &test.tag },
                    result,
                );
                truncated += usize::from(!is_whole);
            }
            run += 1;
        }
    }
    assert_eq!((run, short_keys, truncated), (174, 6, 84));
}
