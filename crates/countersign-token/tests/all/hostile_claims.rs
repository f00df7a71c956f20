//! Hostile claims and hostile forms of tokens.
//!
//! Rows `C4` to `C7` and the incidents are those of the security checklist. The signature is valid unless the
//! test is about signatures, so that only the content can be the reason of a rejection.

use std::time::Duration;

use countersign_token::{Algorithm, Expected, LONGEST_TOKEN, TokenType, VerifyError, unverified, verify};
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, ISSUER, NOW, all_keys, claims, claims_with, claims_without, encode, expected, header,
    signed_by_hand, signing_key, verified, verified_claims,
};

/// C4 and incident 5: a claim of the wrong type is an error and never counts as absent.
mod claim_values {
    use super::*;

    #[test]
    fn iss_aud_and_exp_are_required() {
        for name in ["iss", "aud", "exp"] {
            let outcome = verified_claims(&claims_without(name));
            assert!(matches!(outcome, Err(VerifyError::Claim(missing)) if missing == name));
        }
    }

    #[test]
    fn times_are_numbers() {
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
    fn the_fraction_of_a_time_is_dropped() {
        assert!(verified_claims(&claims_with("exp", json!(1_800_000_600.75))).is_ok());
        assert!(verified_claims(&claims_with("nbf", json!(1_800_000_005.75))).is_ok());
    }

    #[test]
    fn numbers_out_of_range_are_rejected_as_json() {
        for number in ["1e400", "-1e400", "NaN", "Infinity", "0x10", "01", "1.", "+1"] {
            let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{number}}}"#);
            let outcome = verified(&signed_by_hand(&header(Algorithm::Es256).to_string(), &payload));
            assert!(matches!(outcome, Err(VerifyError::Json { part: "payload", .. })), "{number}");
        }
    }

    #[test]
    fn a_token_is_rejected_from_exp_plus_leeway_on() {
        let at = |exp: u64| verified_claims(&claims_with("exp", json!(exp)));
        let now = NOW.seconds();
        assert!(matches!(at(now - 5), Err(VerifyError::Expired)));
        assert!(at(now - 4).is_ok());
    }

    #[test]
    fn a_token_is_rejected_before_nbf_or_iat_minus_leeway() {
        for name in ["nbf", "iat"] {
            for leeway in [0, 1, 5, 60] {
                let expected = Expected { leeway: Duration::from_secs(leeway), ..expected() };
                let at = |ahead: u64| {
                    let claims = claims_with(name, json!(NOW.seconds() + ahead));
                    let token = signing_key(Algorithm::EdDsa).sign(TokenType::AccessToken, &claims).unwrap();
                    verify::<Value>(&token, &all_keys(), &expected, NOW)
                };
                assert!(at(leeway).is_ok(), "{name} {leeway}");
                assert!(matches!(at(leeway + 1), Err(VerifyError::NotYetValid)), "{name} {leeway}");
            }
        }
    }

    #[test]
    fn leeway_is_at_most_a_minute() {
        let token = signing_key(Algorithm::EdDsa)
            .sign(TokenType::AccessToken, &claims_with("exp", json!(NOW.seconds() - 60)))
            .unwrap();
        let mut expected = expected();
        expected.leeway = Duration::from_secs(86_400);
        let outcome = verify::<Value>(&token, &all_keys(), &expected, NOW);
        assert!(matches!(outcome, Err(VerifyError::Expired)));
    }

    #[test]
    fn the_audience_is_a_string_or_an_array_of_strings() {
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
    fn another_audience_is_rejected() {
        for aud in [json!("https://api.example/"), json!("HTTPS://API.EXAMPLE"), json!(""), json!(["other"])]
        {
            let outcome = verified_claims(&claims_with("aud", aud));
            assert!(matches!(outcome, Err(VerifyError::WrongAudience)));
        }
    }

    #[test]
    fn another_issuer_is_rejected() {
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
    fn with_duplicate_names_at_any_level_are_rejected() {
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
    fn claims_that_do_not_fit_the_callers_type_are_an_error() {
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

/// C7 and incidents 8 and 9: text that is not a short JWS is rejected before it costs anything.
mod form {
    use super::*;

    #[test]
    fn ten_megabytes_of_dots_are_rejected_before_splitting() {
        let dots = ".".repeat(10_000_000);
        assert!(matches!(verified(&dots), Err(VerifyError::TooLong)));
        assert!(matches!(unverified::decode(&dots), Err(VerifyError::TooLong)));
        assert!(matches!(verified(&dots[..LONGEST_TOKEN]), Err(VerifyError::NotThreeParts)));
    }

    #[test]
    fn a_jwe_is_rejected() {
        let jwe =
            format!("{}.a.b.c.d", encode(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647}"#));
        assert!(matches!(verified(&jwe), Err(VerifyError::NotThreeParts)));
    }

    #[test]
    fn a_token_without_exactly_three_parts_is_rejected() {
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
    fn each_part_has_one_encoding() {
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

    /// The last character of 64 encoded bytes has four unused bits. This sets one of them.
    fn with_trailing_bits(token: &str) -> String {
        let last = token.chars().last().unwrap();
        let (changed, _) = [('B', 'A'), ('R', 'Q'), ('h', 'g'), ('x', 'w')]
            .into_iter()
            .find(|(_, canonical)| *canonical == last)
            .unwrap();
        format!("{}{changed}", &token[..token.len() - 1])
    }

    #[test]
    fn the_longest_token_that_can_be_signed_verifies() {
        let longest = (11_000..LONGEST_TOKEN).map_while(sign_padded).last().unwrap();
        assert!(longest.len() > LONGEST_TOKEN - 4);
        assert!(verified(&longest).is_ok());
        assert!(matches!(verified(&"a".repeat(LONGEST_TOKEN)), Err(VerifyError::NotThreeParts)));
        assert!(matches!(verified(&"a".repeat(LONGEST_TOKEN + 1)), Err(VerifyError::TooLong)));
    }

    fn sign_padded(length: usize) -> Option<String> {
        let claims = claims_with("pad", json!("x".repeat(length)));
        signing_key(Algorithm::Hs256).sign(TokenType::AccessToken, &claims).ok()
    }
}
