//! Weak keys, malformed keys and keys for other purposes: row `C6` of the security checklist.

use countersign_token::{
    Algorithm, Jwk, JwkError, JwkSet, KeyError, KeyId, KeySet, Secret, SigningKey, TokenType, VerifyingKey,
    verify,
};
use serde_json::{Value, json};

use crate::support::{NOW, claims, decode, encode, expected, material, signing_key};

fn jwk(algorithm: Algorithm) -> Value {
    serde_json::to_value(signing_key(algorithm).public_jwk().unwrap()).unwrap()
}

fn jwk_with(algorithm: Algorithm, name: &str, value: Value) -> Result<Jwk, JwkError> {
    let mut jwk = jwk(algorithm);
    jwk[name] = value;
    Jwk::parse(jwk.to_string().as_bytes())
}

mod private_keys {
    use super::*;

    #[test]
    fn of_another_algorithm_are_rejected() {
        let kid = KeyId::parse("k").unwrap();
        for owner in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            for user in
                [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256].into_iter().filter(|a| *a != owner)
            {
                let outcome = SigningKey::parse(user, kid.clone(), material(owner));
                assert!(matches!(outcome, Err(KeyError::NotAPrivateKey { algorithm }) if algorithm == user));
            }
        }
    }

    #[test]
    fn that_are_damaged_are_rejected() {
        let kid = KeyId::parse("k").unwrap();
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()) {
            let bytes = material(algorithm).expose();
            for damaged in [Vec::new(), vec![0; 64], bytes[..bytes.len() - 1].to_vec()] {
                assert!(SigningKey::parse(algorithm, kid.clone(), &Secret::new(damaged)).is_err());
            }
        }
    }

    #[test]
    fn shared_secrets_have_at_least_32_bytes() {
        let parse = |length| {
            SigningKey::parse(Algorithm::Hs256, KeyId::parse("k").unwrap(), &Secret::new(vec![7; length]))
        };
        assert!(matches!(parse(31), Err(KeyError::Weak)));
        assert!(parse(32).is_ok());
        assert_eq!(SigningKey::generate(Algorithm::Hs256).unwrap().expose().len(), 32);
    }

    #[test]
    fn are_generated_at_random() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            let (one, other) =
                (SigningKey::generate(algorithm).unwrap(), SigningKey::generate(algorithm).unwrap());
            assert_ne!(one.expose(), other.expose());
        }
    }

    /// An RSA key of 1024 bits, generated for this test.
    const SMALL_RSA_KEY: &str = concat!(
        "MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAJWOKk8RbLu908A7XV05BOOhKW6Anx720Fe7PHI4-_5BkvOB",
        "JGaj5-0xRB0nLW-xnkBbrreP8abrhrlxWKdBagTi0WJXXwDQ_JyxwnTiAdmXe1hyiiPhuyvRLCnVovjOL5LOWYUN1HkGzvqB",
        "Bp6gCcZU9NvYQLBClxufwwzlgwW3AgMBAAECgYAmuSW5TVCzF8ahKn3VKnNaoRsCMqmAsfVmEePny1tsDPyIsjKDpQLjRnNV",
        "fRRlrD7GeTa27r1qM-exUmja_bP-ZIi1NvvKOVqXpQ-Ss51ouNIyH62zt1I7mUlcPyYEM5M0Fy2XLs7UKv4TBRnnm_nC4Wyw",
        "Ld1VI9xu-K0UewEruQJBAMcDMvii3iGmHa4v0TMRqLJZkpDBkj-Hr-Ln1VUbYg9MVOk4Y6VRqca3jP--BckUHAoT_V_0AwDH",
        "vCS6YrBNN30CQQDAYXYsxNZQ0yOznKkJQipA6x2zj8NMJkEtPOZJ6cPzUlezth4g5V5z2VzFiQj-SLuUIQmEmizat2scSngW",
        "-4BDAkAYQn6TKp9zcKGLm06gMBXlb9_a_43Jasv5GBO8ZTMl9EMhjvsuqu7MR5HLlylzYp0saVVovgEjtjVsMMBZB4CtAkAk",
        "PDc-B3U2lA5NblyIWeYLhD177MAkP7BXDPlzQoyd8AyE1PCn0YwQ1ggbTMxc2OY76F0alM-OAq4yDfTAn25xAkAOLv2o_crL",
        "O5IZ8zG-IMKMpdAIEtIkwQ26YYar01OnIjXARgV9I4UgZRLq2LGo44u07h9rwWO4uIZMrn12_FnE",
    );

    // C6
    #[test]
    fn of_rsa_with_1024_bits_are_rejected() {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            let material = Secret::new(decode(SMALL_RSA_KEY));
            assert!(SigningKey::parse(algorithm, KeyId::parse("k").unwrap(), &material).is_err());
        }
    }

    #[test]
    fn of_rsa_are_generated_with_3072_bits() {
        assert_eq!(decode(jwk(Algorithm::Rs256)["n"].as_str().unwrap()).len(), 384);
    }
}

mod public_keys {
    use super::*;

    #[test]
    fn serialise_in_a_fixed_order_without_anything_private() {
        let x = jwk(Algorithm::EdDsa)["x"].clone();
        assert_eq!(
            serde_json::to_string(&signing_key(Algorithm::EdDsa).public_jwk()).unwrap(),
            format!(r#"{{"kty":"OKP","use":"sig","alg":"EdDSA","kid":"EdDSA","crv":"Ed25519","x":{x}}}"#)
        );
        for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256] {
            for name in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert_eq!(jwk(algorithm).get(name), None);
            }
        }
    }

    #[test]
    fn are_parsed_back_as_they_were_published() {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()) {
            let parsed = Jwk::parse(jwk(algorithm).to_string().as_bytes()).unwrap();
            assert_eq!(Some(parsed), signing_key(algorithm).public_jwk());
        }
    }

    /// With the neutral element as key, the signature R = 1, S = 0 would be valid for every message.
    // C6
    #[test]
    fn of_ed25519_with_small_order_are_rejected() {
        let ends = [(0, 0, 0), (1, 0, 0), (0xec, 0xff, 0x7f), (0xed, 0xff, 0x7f), (0xee, 0xff, 0x7f)];
        for (first, between, last) in ends {
            for sign in [0, 0x80] {
                let mut x = [between; 32];
                x[0] = first;
                x[31] = last | sign;
                let outcome = jwk_with(Algorithm::EdDsa, "x", json!(encode(x)));
                assert!(matches!(outcome, Err(JwkError::Material(Algorithm::EdDsa))), "{first}");
            }
        }
        for of_order_8 in [
            "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
            "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU",
            "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
            "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o",
        ] {
            let outcome = jwk_with(Algorithm::EdDsa, "x", json!(of_order_8));
            assert!(matches!(outcome, Err(JwkError::Material(Algorithm::EdDsa))));
        }
    }

    #[test]
    fn with_private_members_are_rejected() {
        let outcome = jwk_with(Algorithm::Es256, "d", json!(encode([1; 32])));
        assert!(matches!(outcome, Err(JwkError::Private("d"))));
    }

    // C6
    #[test]
    fn off_the_curve_are_rejected() {
        for y in [[0; 32], [1; 32], [0xff; 32]] {
            let outcome = jwk_with(Algorithm::Es256, "y", json!(encode(y)));
            assert!(matches!(outcome, Err(JwkError::Material(Algorithm::Es256))));
        }
        let mut infinity = jwk(Algorithm::Es256);
        infinity["x"] = json!(encode([0; 32]));
        infinity["y"] = json!(encode([0; 32]));
        assert!(Jwk::parse(infinity.to_string().as_bytes()).is_err());
    }

    #[test]
    fn have_coordinates_of_full_length() {
        for (algorithm, name) in [(Algorithm::Es256, "x"), (Algorithm::Es256, "y"), (Algorithm::EdDsa, "x")] {
            for length in [0, 31, 33, 64] {
                let outcome = jwk_with(algorithm, name, json!(encode(vec![1; length])));
                assert!(matches!(outcome, Err(JwkError::Member(_))));
            }
        }
    }

    // C6
    #[test]
    fn of_rsa_have_2048_to_8192_bits() {
        for (length, first) in [(128, 0xc1), (255, 0xc1), (256, 0x7f), (1025, 0x01), (2048, 0xc1), (0, 0)] {
            let mut modulus = vec![0xc1; length];
            if let Some(byte) = modulus.first_mut() {
                *byte = first;
            }
            let outcome = jwk_with(Algorithm::Rs256, "n", json!(encode(modulus)));
            assert!(matches!(outcome, Err(JwkError::Unsupported("n"))), "{length}");
        }
    }

    #[test]
    fn of_rsa_must_be_odd_numbers_without_leading_zeros() {
        let exponents: [&[u8]; 7] = [&[], &[0], &[1], &[2], &[0, 1, 0, 1], &[1, 0, 0], &[1, 0, 0, 0, 1]];
        for exponent in exponents {
            assert!(jwk_with(Algorithm::Rs256, "e", json!(encode(exponent))).is_err(), "{exponent:?}");
        }
        let mut modulus = decode(jwk(Algorithm::Rs256)["n"].as_str().unwrap());
        *modulus.last_mut().unwrap() &= 0xfe;
        assert!(jwk_with(Algorithm::Rs256, "n", json!(encode(&modulus))).is_err());
        modulus.insert(0, 0);
        assert!(jwk_with(Algorithm::Rs256, "n", json!(encode(modulus))).is_err());
    }

    #[test]
    fn for_another_purpose_are_not_supported() {
        for (name, value) in [
            ("use", json!("enc")),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!([])),
            ("alg", json!("ES384")),
            ("alg", json!("RS256")),
            ("alg", json!("none")),
            ("crv", json!("P-384")),
            ("kty", json!("oct")),
            ("kty", json!("AKP")),
        ] {
            let outcome = jwk_with(Algorithm::Es256, name, value);
            assert!(matches!(outcome, Err(JwkError::Unsupported(what)) if what == name), "{name}");
        }
        for curve in ["X25519", "Ed448", "P-256"] {
            let outcome = jwk_with(Algorithm::EdDsa, "crv", json!(curve));
            assert!(matches!(outcome, Err(JwkError::Unsupported("crv"))), "{curve}");
        }
        assert!(jwk_with(Algorithm::Es256, "key_ops", json!(["verify"])).is_ok());
    }

    #[test]
    fn with_members_of_the_wrong_type_are_rejected() {
        for name in ["kty", "use", "alg", "kid", "crv", "x", "y"] {
            for value in [json!(null), json!(1), json!(["P-256"])] {
                assert!(
                    matches!(jwk_with(Algorithm::Es256, name, value), Err(JwkError::Member(_))),
                    "{name}"
                );
            }
        }
        for value in [json!("verify"), json!([1]), json!(null)] {
            assert!(matches!(jwk_with(Algorithm::Es256, "key_ops", value), Err(JwkError::Member("key_ops"))));
        }
        for value in ["", "a b", "=", "AA=="] {
            assert!(jwk_with(Algorithm::Es256, "x", json!(value)).is_err());
        }
        assert!(Jwk::parse(b"[]").is_err());
        assert!(Jwk::parse(br#"{"kty":"OKP","kty":"EC"}"#).is_err());
        assert!(matches!(Jwk::parse(&vec![b' '; 100_000]), Err(JwkError::TooLarge)));
    }

    #[test]
    fn of_rsa_without_an_algorithm_are_rs256() {
        let mut jwk = jwk(Algorithm::Ps256);
        assert_eq!(Jwk::from_value(&jwk).unwrap().algorithm(), Algorithm::Ps256);
        jwk.as_object_mut().unwrap().remove("alg");
        assert_eq!(Jwk::from_value(&jwk).unwrap().algorithm(), Algorithm::Rs256);
    }

    #[test]
    fn without_a_kid_cannot_verify() {
        let mut jwk = jwk(Algorithm::Es256);
        jwk.as_object_mut().unwrap().remove("kid");
        let parsed = Jwk::from_value(&jwk).unwrap();
        assert!(matches!(VerifyingKey::from_jwk(&parsed), Err(KeyError::MissingKeyId)));
        assert_eq!(KeySet::from(JwkSet { keys: vec![parsed] }).iter().count(), 0);
    }
}

mod key_sets {
    use super::*;

    fn parse(keys: Vec<Value>) -> Result<JwkSet, JwkError> {
        JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn ignore_unsupported_keys() {
        let set = parse(vec![
            json!({ "kty": "oct", "k": "c2VjcmV0" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }),
            json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }),
            jwk(Algorithm::Es256),
        ]);
        assert_eq!(set.unwrap().keys, [signing_key(Algorithm::Es256).public_jwk().unwrap()]);
    }

    /// The key of an algorithm with one member replaced.
    fn key_with(algorithm: Algorithm, name: &str, value: Value) -> Value {
        let mut key = jwk(algorithm);
        key[name] = value;
        key
    }

    // C6
    #[test]
    fn keep_valid_keys_next_to_unusable_ones() {
        let wrong = [
            Value::Null,
            json!(1),
            json!("key"),
            json!([]),
            json!({}),
            json!({ "kty": null }),
            json!({ "kty": "constructor" }),
            json!({ "kty": "__proto__", "__proto__": { "kty": "EC" } }),
            key_with(Algorithm::Es256, "y", json!(encode([1; 32]))),
            key_with(Algorithm::Es256, "x", json!("AA")),
            key_with(Algorithm::Es256, "d", json!("AA")),
            key_with(Algorithm::Es256, "kid", json!(7)),
            key_with(Algorithm::Es256, "kid", json!("")),
            key_with(Algorithm::Es256, "use", json!("enc")),
            key_with(Algorithm::Es256, "key_ops", json!("verify")),
            key_with(Algorithm::Rs256, "e", json!("AA")),
            key_with(Algorithm::Rs256, "alg", json!("none")),
        ];
        let valid = signing_key(Algorithm::EdDsa).public_jwk().unwrap();
        for wrong in wrong {
            for keys in
                [vec![wrong.clone(), jwk(Algorithm::EdDsa)], vec![jwk(Algorithm::EdDsa), wrong.clone()]]
            {
                assert_eq!(parse(keys).unwrap().keys, std::slice::from_ref(&valid), "{wrong}");
            }
        }
    }

    fn named(algorithm: Algorithm, kid: &str) -> SigningKey {
        let material = SigningKey::generate(algorithm).unwrap();
        SigningKey::parse(algorithm, KeyId::parse(kid).unwrap(), &material).unwrap()
    }

    fn is_verified(key: &SigningKey, keys: &KeySet) -> bool {
        let token = key.sign(TokenType::AccessToken, &claims()).unwrap();
        verify::<Value>(&token, keys, &expected(), NOW).is_ok()
    }

    // C6
    #[test]
    fn verify_with_each_key_of_one_kid() {
        let keys =
            [Algorithm::Es256, Algorithm::Es256, Algorithm::EdDsa].map(|algorithm| named(algorithm, "k"));
        let published = parse(keys.iter().map(|key| json!(key.public_jwk().unwrap())).collect()).unwrap();
        let set = KeySet::from(published);
        assert!(keys.iter().all(|key| is_verified(key, &set)));
        assert!(!is_verified(&named(Algorithm::Es256, "k"), &set), "another key with that kid");
        assert!(!is_verified(&named(Algorithm::Rs256, "k"), &set), "another algorithm");
    }

    // C6
    #[test]
    fn use_at_most_four_keys_of_one_kid_and_algorithm() {
        let keys: Vec<_> = (0..5).map(|_| named(Algorithm::EdDsa, "k")).collect();
        let other = named(Algorithm::Es256, "k");
        let set = KeySet::new(keys.iter().chain([&other]).map(SigningKey::verifying_key));
        let verified: Vec<_> = keys.iter().chain([&other]).map(|key| is_verified(key, &set)).collect();
        assert_eq!(verified, [true, true, true, true, false, true]);
    }

    #[test]
    fn have_at_most_512_kib_and_100_keys() {
        assert!(matches!(parse(vec![json!({ "kty": "oct" }); 101]), Err(JwkError::TooLarge)));
        assert!(matches!(JwkSet::parse(&vec![b' '; 1_000_000]), Err(JwkError::TooLarge)));
    }

    #[test]
    fn must_be_an_object_with_an_array_of_keys() {
        for wrong in ["[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, r#"[{"keys":[]}]"#] {
            assert!(JwkSet::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(JwkSet::parse(br#"{"keys":[]}"#).unwrap().keys.is_empty());
    }

    #[test]
    fn are_parsed_back_as_they_were_published() {
        let keys =
            [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa].map(|a| signing_key(a).public_jwk());
        let set = JwkSet { keys: keys.into_iter().flatten().collect() };
        assert_eq!(JwkSet::parse(&serde_json::to_vec(&set).unwrap()).unwrap(), set);
        assert_eq!(KeySet::from(set).named("RS256").next().unwrap().algorithm(), Algorithm::Rs256);
    }
}
