//! Hostile headers and signatures.
//!
//! Rows `C1` to `C3` and the incidents are those of the security checklist. The signature is valid unless the
//! test is about signatures, so that only the content can be the reason of a rejection.

use countersign_token::{Algorithm, KeySet, TokenType, VerifyError, verify};
use serde_json::{Value, json};

use crate::support::{
    NOW, claims, encode, expected, header, header_with, signed_by_hand, signed_with_secret, signing_key,
    verified, verified_claims, verified_header,
};

#[test]
fn a_correct_token_that_was_built_by_hand_is_accepted() {
    assert_eq!(verified_claims(&claims()).unwrap(), claims());
}

/// C1 and incident 1: the key determines the algorithm.
mod algorithm {
    use super::*;

    #[test]
    fn none_is_rejected_in_every_spelling() {
        for name in ["none", "None", "nOnE", "NONE", ""] {
            let header = header_with("alg", json!(name)).to_string();
            let unsigned = format!("{}.{}.", encode(&header), encode(claims().to_string()));
            assert!(matches!(verified(&unsigned), Err(VerifyError::AlgorithmMismatch)), "{name}");
            let signed = signed_by_hand(&header, &claims().to_string());
            assert!(matches!(verified(&signed), Err(VerifyError::AlgorithmMismatch)), "{name}");
        }
    }

    #[test]
    fn none_without_a_kid_is_rejected() {
        let unsigned =
            format!("{}.{}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#), encode(claims().to_string()));
        assert!(matches!(verified(&unsigned), Err(VerifyError::MissingKeyId)));
    }

    #[test]
    fn an_empty_signature_is_rejected() {
        for algorithm in Algorithm::ALL {
            let token = signing_key(algorithm).sign(TokenType::AccessToken, &claims()).unwrap();
            let (signed, _) = token.rsplit_once('.').unwrap();
            assert!(matches!(verified(&format!("{signed}.")), Err(VerifyError::BadSignature)), "{algorithm}");
        }
    }

    #[test]
    fn a_public_key_is_not_accepted_as_hmac_secret() {
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

    /// The encodings in which an attacker can get the public key: PEM, DER and JWK.
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
    fn a_signature_with_the_other_rsa_padding_is_rejected() {
        let material = crate::support::material(Algorithm::Rs256);
        let kid = signing_key(Algorithm::Rs256).key_id().clone();
        let pss = countersign_token::SigningKey::parse(Algorithm::Ps256, kid, material).unwrap();
        let token = pss.sign(TokenType::AccessToken, &claims()).unwrap();
        assert!(matches!(verified(&token), Err(VerifyError::AlgorithmMismatch)));
    }

    #[test]
    fn alg_must_be_a_string_in_the_right_case() {
        for name in [json!("es256"), json!("ES256 "), json!(["ES256"]), json!(null), json!(1)] {
            assert!(verified_header(&header_with("alg", name)).is_err());
        }
        let missing = r#"{"typ":"at+jwt","kid":"ES256"}"#;
        let outcome = verified(&signed_by_hand(missing, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::Header("alg"))));
    }

    // incident 4
    #[test]
    fn an_ecdsa_signature_of_zeros_is_rejected() {
        let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims()).unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", encode([0; 64]));
        assert!(matches!(verified(&forged), Err(VerifyError::BadSignature)));
    }
}

/// C2 and incidents 2 and 3: keys are only looked up in memory.
mod kid {
    use super::*;

    #[test]
    fn a_path_or_a_query_as_kid_is_an_unknown_key() {
        for kid in ["../../dev/null", "' OR 1=1; --", "", "ES256\0", "es256"] {
            assert!(matches!(verified_header(&header_with("kid", json!(kid))), Err(VerifyError::UnknownKey)));
        }
        let long = header_with("kid", json!("k".repeat(64 * 1024)));
        assert!(matches!(verified_header(&long), Err(VerifyError::TooLong)));
    }

    #[test]
    fn kid_is_required_and_must_be_a_string() {
        let outcome = verified(&signed_by_hand(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::MissingKeyId)));
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
    fn urls_of_keys_and_certificates_are_ignored_and_never_fetched() {
        let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        canary.set_nonblocking(true).unwrap();
        let address = format!("http://{}/keys", canary.local_addr().unwrap());
        for name in ["jku", "x5u", "x5c", "x5t", "jwk"] {
            let outcome = verified_header(&header_with(name, json!(address)));
            assert_eq!(outcome.unwrap(), claims(), "{name}");
        }
        assert_eq!(canary.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn an_empty_key_set_accepts_nothing() {
        let token = signing_key(Algorithm::Es256).sign(TokenType::AccessToken, &claims()).unwrap();
        let outcome = verify::<Value>(&token, &KeySet::default(), &expected(), NOW);
        assert!(matches!(outcome, Err(VerifyError::UnknownKey)));
    }
}

/// C2 and incident 7: unsupported header members are rejected.
mod header_members {
    use super::*;

    #[test]
    fn extensions_compression_and_encryption_are_rejected() {
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
            assert!(matches!(outcome, Err(VerifyError::ForbiddenHeader(rejected)) if rejected == name));
        }
    }

    #[test]
    fn with_duplicate_names_are_rejected() {
        let header = r#"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ES256"}"#;
        let outcome = verified(&signed_by_hand(header, &claims().to_string()));
        assert!(matches!(outcome, Err(VerifyError::Json { part: "header", .. })));
    }

    #[test]
    fn that_are_not_an_object_are_rejected() {
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
    fn typ_may_have_the_prefix_application_and_any_case() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(verified_header(&header_with("typ", json!(typ))).is_ok(), "{typ}");
        }
    }

    // C3
    #[test]
    fn another_type_or_a_missing_type_is_rejected() {
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
