//! Tokens that attackers send. Rows `C1` to `C7` and the incidents are those of the security checklist.
//!
//! Unless the signature is what the test is about, it is good: the refusal is due to nothing but the content.

use countersign_token::{Algorithm, KeySet, LONGEST_TOKEN, TokenType, VerifyError, unverified, verify};
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, ISSUER, NOW, all_keys, claims, claims_with, claims_without, encode, expected, header,
    header_with, signed_by_hand, signed_with_secret, signing_key, verified, verified_claims, verified_header,
};

#[test]
fn a_token_put_together_by_hand_is_accepted_when_nothing_is_wrong_with_it() {
    assert_eq!(verified_claims(&claims()).unwrap(), claims());
}

/// C1 and incident 1: the key decides on the algorithm.
mod algorithm {
    use super::*;

    #[test]
    fn none_is_refused_however_it_is_spelt() {
        for name in ["none", "None", "nOnE", "NONE", ""] {
            let header = header_with("alg", json!(name)).to_string();
            let unsigned = format!("{}.{}.", encode(&header), encode(claims().to_string()));
            assert!(matches!(verified(&unsigned), Err(VerifyError::AlgorithmMismatch)), "{name}");
            let signed = signed_by_hand(&header, &claims().to_string());
            assert!(matches!(verified(&signed), Err(VerifyError::AlgorithmMismatch)), "{name}");
        }
    }

    #[test]
    fn none_without_a_key_name_is_refused() {
        let unsigned =
            format!("{}.{}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#), encode(claims().to_string()));
        assert!(matches!(verified(&unsigned), Err(VerifyError::Header("kid"))));
    }

    #[test]
    fn an_empty_signature_is_refused() {
        for algorithm in Algorithm::ALL {
            let token = signing_key(algorithm).sign(TokenType::AccessToken, &claims()).unwrap();
            let (signed, _) = token.rsplit_once('.').unwrap();
            assert!(matches!(verified(&format!("{signed}.")), Err(VerifyError::BadSignature)), "{algorithm}");
        }
    }

    #[test]
    fn a_public_key_is_no_hmac_secret() {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa] {
            for secret in public_forms(algorithm) {
                for name in ["HS256", algorithm.name()] {
                    let mut header = header(algorithm);
                    header["alg"] = json!(name);
                    let forged = signed_with_secret(&header.to_string(), &claims().to_string(), &secret);
                    assert!(verified(&forged).is_err(), "{name} with the public key of {algorithm}");
                }
            }
        }
    }

    /// The public key as an attacker has it: PEM, DER and JWK.
    fn public_forms(algorithm: Algorithm) -> Vec<Vec<u8>> {
        use base64::Engine as _;

        let jwk = signing_key(algorithm).public_jwk().unwrap();
        let der = public_der(algorithm);
        let body = base64::engine::general_purpose::STANDARD.encode(&der);
        let lines: Vec<&str> =
            (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        vec![pem.clone().into_bytes(), pem.trim_end().into(), der, serde_json::to_vec(&jwk).unwrap()]
    }

    fn public_der(algorithm: Algorithm) -> Vec<u8> {
        use aws_lc_rs::encoding::AsDer as _;
        use aws_lc_rs::signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
        };

        let material = crate::support::material(algorithm).expose();
        match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, material).unwrap();
                pair.public_key().as_der().unwrap().as_ref().to_vec()
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(material).unwrap();
                pair.public_key().as_der().unwrap().as_ref().to_vec()
            }
            _ => RsaKeyPair::from_pkcs8(material).unwrap().public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    #[test]
    fn the_other_padding_of_the_same_rsa_key_is_refused() {
        let material = crate::support::material(Algorithm::Rs256);
        let kid = signing_key(Algorithm::Rs256).key_id().clone();
        let pss = countersign_token::SigningKey::parse(Algorithm::Ps256, kid, material).unwrap();
        let token = pss.sign(TokenType::AccessToken, &claims()).unwrap();
        assert!(matches!(verified(&token), Err(VerifyError::AlgorithmMismatch)));
    }

    #[test]
    fn its_name_must_be_a_string_in_the_right_case() {
        for name in [json!("es256"), json!("ES256 "), json!(["ES256"]), json!(null), json!(1)] {
            assert!(verified_header(&header_with("alg", name)).is_err());
        }
        let missing = r#"{"typ":"at+jwt","kid":"ES256"}"#;
        let outcome = verified(&signed_by_hand(missing, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::Header("alg"))));
    }

    // incident 4
    #[test]
    fn an_ecdsa_signature_of_zeros_is_refused() {
        let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims()).unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", encode([0; 64]));
        assert!(matches!(verified(&forged), Err(VerifyError::BadSignature)));
    }
}

/// C2 and incidents 2 and 3: keys are looked up in memory and nowhere else.
mod key_name {
    use super::*;

    #[test]
    fn a_path_a_query_and_64_kilobytes_are_merely_unknown() {
        for kid in ["../../dev/null", "' OR 1=1; --", "", "ES256\0", "es256"] {
            assert!(matches!(verified_header(&header_with("kid", json!(kid))), Err(VerifyError::UnknownKey)));
        }
        let long = header_with("kid", json!("k".repeat(64 * 1024)));
        assert!(matches!(verified_header(&long), Err(VerifyError::TooLong)));
    }

    #[test]
    fn it_is_required_and_a_string() {
        let outcome = verified(&signed_by_hand(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::Header("kid"))));
        for kid in [json!(0), json!(null), json!(["ES256"]), json!({ "ES256": 1 })] {
            assert!(matches!(verified_header(&header_with("kid", kid)), Err(VerifyError::Header("kid"))));
        }
    }

    #[test]
    fn a_key_that_comes_with_the_token_is_not_used() {
        let attacker = countersign_token::SigningKey::generate(Algorithm::Es256).unwrap();
        let kid = countersign_token::KeyId::parse("mine").unwrap();
        let attacker = countersign_token::SigningKey::parse(Algorithm::Es256, kid, &attacker).unwrap();
        let jwk = attacker.public_jwk().unwrap();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "mine", "jwk": jwk });
        let outcome = verified(&signed_by_hand(&header.to_string(), &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::UnknownKey)));

        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ES256", "jwk": jwk });
        let token = attacker.sign(TokenType::AccessToken, &claims()).unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{}.{}.{signature}", encode(header.to_string()), encode(claims().to_string()));
        assert!(matches!(verified(&forged), Err(VerifyError::BadSignature)));
    }

    #[test]
    fn addresses_of_keys_and_certificates_are_ignored() {
        for name in ["jku", "x5u", "x5c", "x5t", "jwk"] {
            let outcome = verified_header(&header_with(name, json!("http://127.0.0.1:9/keys")));
            assert_eq!(outcome.unwrap(), claims(), "{name}");
        }
    }

    #[test]
    fn an_empty_key_set_accepts_nothing() {
        let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims()).unwrap();
        let outcome = verify::<Value>(&token, &KeySet::default(), &expected(), NOW);
        assert!(matches!(outcome, Err(VerifyError::UnknownKey)));
    }
}

/// Incident 7, and the header as a whole.
mod header_members {
    use super::*;

    #[test]
    fn extensions_compression_and_encryption_are_refused() {
        for (name, value) in [
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("crit", json!(null)),
            ("b64", json!(true)),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("enc", json!("A256GCM")),
        ] {
            let outcome = verified_header(&header_with(name, value));
            assert!(matches!(outcome, Err(VerifyError::ForbiddenHeader(refused)) if refused == name));
        }
    }

    #[test]
    fn named_twice_are_refused() {
        let header = r#"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ES256"}"#;
        let outcome = verified(&signed_by_hand(header, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::Json { part: "header", .. })));
    }

    #[test]
    fn other_than_an_object_are_refused() {
        for header in ["[]", "null", "\"ES256\"", "1"] {
            let outcome = verified(&signed_by_hand(header, &claims().to_string()));
            assert!(matches!(outcome, Err(VerifyError::NotAnObject("header"))));
        }
        for header in ["", "{", "{}{}", "{} x", "\u{feff}{}"] {
            let outcome = verified(&signed_by_hand(header, &claims().to_string()));
            assert!(matches!(outcome, Err(VerifyError::Json { part: "header", .. })), "{header}");
        }
    }

    #[test]
    fn the_type_may_have_its_prefix_and_any_case() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(verified_header(&header_with("typ", json!(typ))).is_ok(), "{typ}");
        }
    }

    // C3
    #[test]
    fn another_type_or_none_is_refused() {
        for typ in ["JWT", "at+jwt ", "at", "application/", "application/application/at+jwt", "id+jwt", ""] {
            let outcome = verified_header(&header_with("typ", json!(typ)));
            assert!(matches!(outcome, Err(VerifyError::WrongType(_))), "{typ}");
        }
        let outcome = verified(&signed_by_hand(r#"{"alg":"ES256","kid":"ES256"}"#, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::WrongType(_))));
        let outcome = verified_header(&header_with("typ", json!(["at+jwt"])));
        assert!(matches!(outcome, Err(VerifyError::Header("typ"))));
    }
}

/// C4 and incident 5: a claim of the wrong type is an error, never absent.
mod claim_values {
    use super::*;

    #[test]
    fn the_required_ones_cannot_be_left_out() {
        for name in ["iss", "aud", "exp"] {
            let outcome = verified_claims(&claims_without(name));
            assert!(matches!(outcome, Err(VerifyError::Claim(missing)) if missing == name));
        }
    }

    #[test]
    fn moments_are_numbers() {
        let wrong = [
            json!("9999999999"),
            json!(null),
            json!(true),
            json!([9_999_999_999_u64]),
            json!({ "seconds": 9_999_999_999_u64 }),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!(1_u64 << 53),
        ];
        for name in ["exp", "nbf", "iat"] {
            for value in &wrong {
                let outcome = verified_claims(&claims_with(name, value.clone()));
                assert!(
                    matches!(outcome, Err(VerifyError::Claim(claim)) if claim == name),
                    "{name}: {value}"
                );
            }
        }
    }

    #[test]
    fn a_moment_may_have_a_fraction_which_is_dropped() {
        assert!(verified_claims(&claims_with("exp", json!(1_800_000_600.75))).is_ok());
        assert!(verified_claims(&claims_with("nbf", json!(1_800_000_005.75))).is_ok());
    }

    #[test]
    fn numbers_that_do_not_fit_are_not_json() {
        for number in ["1e400", "-1e400", "NaN", "Infinity", "0x10", "01", "1.", "+1"] {
            let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{number}}}"#);
            let outcome = verified(&signed_by_hand(&header(Algorithm::Es256).to_string(), &payload));
            assert!(matches!(outcome, Err(VerifyError::Json { part: "payload", .. })), "{number}");
        }
    }

    #[test]
    fn expiry_is_the_first_moment_of_refusal_and_leeway_moves_it() {
        let at = |exp: u64| verified_claims(&claims_with("exp", json!(exp)));
        let now = NOW.seconds();
        assert!(matches!(at(now - 5), Err(VerifyError::Expired)));
        assert!(at(now - 4).is_ok());
    }

    #[test]
    fn a_token_from_the_future_waits_for_its_time() {
        for name in ["nbf", "iat"] {
            let at = |moment: u64| verified_claims(&claims_with(name, json!(moment)));
            let now = NOW.seconds();
            assert!(at(now + 5).is_ok());
            assert!(matches!(at(now + 6), Err(VerifyError::NotYetValid)));
        }
    }

    #[test]
    fn leeway_is_at_most_a_minute() {
        let token = signing_key(Algorithm::EdDsa)
            .sign(TokenType::AccessToken, &claims_with("exp", json!(NOW.seconds() - 60)))
            .unwrap();
        let mut expected = expected();
        expected.leeway = std::time::Duration::from_secs(86_400);
        let outcome = verify::<Value>(&token, &all_keys(), &expected, NOW);
        assert!(matches!(outcome, Err(VerifyError::Expired)));
    }

    #[test]
    fn the_audience_is_a_string_or_strings() {
        for aud in
            [json!([]), json!([1]), json!([AUDIENCE, 1]), json!(null), json!({ AUDIENCE: 1 }), json!(1)]
        {
            let outcome = verified_claims(&claims_with("aud", aud.clone()));
            assert!(matches!(outcome, Err(VerifyError::Claim("aud"))), "{aud}");
        }
        assert!(verified_claims(&claims_with("aud", json!(["other", AUDIENCE]))).is_ok());
    }

    // C5
    #[test]
    fn another_audience_is_refused() {
        for aud in [json!("https://api.example/"), json!("HTTPS://API.EXAMPLE"), json!(""), json!(["other"])]
        {
            let outcome = verified_claims(&claims_with("aud", aud));
            assert!(matches!(outcome, Err(VerifyError::WrongAudience)));
        }
    }

    #[test]
    fn another_issuer_is_refused() {
        for iss in ["https://id.example/", "https://ID.example", "https://id.example.evil", ""] {
            assert!(matches!(
                verified_claims(&claims_with("iss", json!(iss))),
                Err(VerifyError::WrongIssuer)
            ));
        }
        for iss in [json!([ISSUER]), json!(null), json!(1)] {
            assert!(matches!(verified_claims(&claims_with("iss", iss)), Err(VerifyError::Claim("iss"))));
        }
    }

    #[test]
    fn named_twice_at_any_level_are_refused() {
        let beginning = format!(r#""iss":"{ISSUER}","aud":"{AUDIENCE}","exp":1800000600"#);
        for payload in [
            format!(r#"{{{beginning},"exp":1900000000}}"#),
            format!(r#"{{{beginning},"\u0065xp":1900000000}}"#),
            format!(r#"{{{beginning},"cnf":{{"jkt":"a","jkt":"b"}}}}"#),
            format!(r#"{{{beginning},"list":[{{"a":1,"a":1}}]}}"#),
        ] {
            let outcome = verified(&signed_by_hand(&header(Algorithm::Es256).to_string(), &payload));
            assert!(matches!(outcome, Err(VerifyError::Json { part: "payload", .. })), "{payload}");
        }
    }

    #[test]
    fn a_claim_of_a_shape_that_the_caller_does_not_expect_is_an_error() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            #[expect(dead_code, reason = "only its type matters")]
            sub: u64,
        }
        let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims()).unwrap();
        let outcome = verify::<Wanted>(&token, &all_keys(), &expected(), NOW);
        assert!(matches!(outcome, Err(VerifyError::Shape(_))));
    }
}

/// C7 and incidents 8 and 9: what is not a short JWS ends before it costs anything.
mod form {
    use super::*;

    #[test]
    fn ten_megabytes_of_dots_are_refused_before_splitting() {
        let dots = ".".repeat(10_000_000);
        assert!(matches!(verified(&dots), Err(VerifyError::TooLong)));
        assert!(matches!(unverified::decode(&dots), Err(VerifyError::TooLong)));
        assert!(matches!(verified(&dots[..LONGEST_TOKEN]), Err(VerifyError::NotThreeParts)));
    }

    #[test]
    fn a_jwe_is_refused() {
        let jwe =
            format!("{}.a.b.c.d", encode(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647}"#));
        assert!(matches!(verified(&jwe), Err(VerifyError::NotThreeParts)));
    }

    #[test]
    fn other_than_three_parts_are_refused() {
        let token = signing_key(Algorithm::EdDsa).sign(TokenType::AccessToken, &claims()).unwrap();
        let two = token.rsplit_once('.').unwrap().0.to_owned();
        for text in ["", ".", "a.b", &two, &format!("{token}."), &format!(".{token}"), "a.b.c.d"] {
            assert!(matches!(verified(text), Err(VerifyError::NotThreeParts)), "{text}");
        }
        for text in ["..", "a.b.c"] {
            assert!(verified(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_part_has_one_spelling() {
        let token = signing_key(Algorithm::EdDsa).sign(TokenType::AccessToken, &claims()).unwrap();
        for changed in [
            format!("{token}="),
            format!("{token}=="),
            format!("{token}\n"),
            format!(" {token}"),
            format!("Bearer {token}"),
            token.replace('.', ".\n"),
            with_trailing_bits(&token),
        ] {
            assert!(matches!(verified(&changed), Err(VerifyError::Encoding(_))), "{changed}");
        }
    }

    /// 64 bytes end in a character of which four bits are unused: here one of them is set.
    fn with_trailing_bits(token: &str) -> String {
        let last = token.chars().last().unwrap();
        let (changed, _) = [('B', 'A'), ('R', 'Q'), ('h', 'g'), ('x', 'w')]
            .into_iter()
            .find(|(_, canonical)| *canonical == last)
            .unwrap();
        format!("{}{changed}", &token[..token.len() - 1])
    }

    #[test]
    fn a_token_of_exactly_the_longest_length_is_read() {
        let keys = KeySet::new([signing_key(Algorithm::EdDsa).verifying_key()]);
        let longest = (11_000..LONGEST_TOKEN).find_map(|pad| {
            let claims = claims_with("pad", json!("x".repeat(pad)));
            let token = signing_key(Algorithm::EdDsa).sign(TokenType::AccessToken, &claims).ok()?;
            (token.len() >= LONGEST_TOKEN - 1).then_some(token)
        });
        assert!(verify::<Value>(&longest.unwrap(), &keys, &expected(), NOW).is_ok());
    }
}
