//! Small types: secrets, timestamps, names, scopes, audiences and strict JSON.

use std::time::Duration;

use countersign_token::json::{parse_exact, parse_strict};
use countersign_token::{
    Algorithm, Audience, KeyId, Scope, Secret, Timestamp, TokenType, is_registered_claim,
};
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

mod secret {
    use super::*;

    #[test]
    fn is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::new(vec![1, 2, 3])), "Secret(…)");
        assert_eq!(format!("{:#?}", Some(Secret::new(String::from("x")))), "Some(\n    Secret(…),\n)");
    }

    #[test]
    fn can_be_deserialised() {
        let secret: Secret<String> = serde_json::from_value(json!("swordfish")).unwrap();
        assert_eq!(secret.expose(), "swordfish");
    }
}

mod timestamp {
    use super::*;

    #[test]
    fn saturates_at_both_ends() {
        let start = Timestamp::from_seconds(10);
        assert_eq!(start.minus(Duration::from_secs(11)), Timestamp::from_seconds(0));
        assert_eq!(start.plus(Duration::MAX), Timestamp::from_seconds(u64::MAX));
    }

    #[test]
    fn is_a_number_in_json() {
        assert_eq!(json!(Timestamp::from_seconds(7)), json!(7));
        assert_eq!(serde_json::from_str::<Timestamp>("7").unwrap(), Timestamp::from_seconds(7));
        assert_eq!(serde_json::from_str::<Timestamp>("7.9").unwrap(), Timestamp::from_seconds(7));
        for wrong in ["\"7\"", "-1", "null", "1e20", "[7]"] {
            assert!(serde_json::from_str::<Timestamp>(wrong).is_err(), "{wrong}");
        }
    }
}

mod names {
    use super::*;

    #[test]
    fn of_algorithms_are_the_registered_ones() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(json!(algorithm), json!(algorithm.name()));
        }
        for wrong in ["none", "es256", "RS384", ""] {
            assert!(wrong.parse::<Algorithm>().is_err());
        }
    }

    #[test]
    fn of_keys_are_short_and_visible_ascii() {
        for right in ["a", "2026-11", &"k".repeat(64), "!\"~"] {
            assert_eq!(KeyId::parse(right).unwrap().to_string(), right);
        }
        for wrong in ["", &"k".repeat(65), "a b", "a\n", "ä", "\0"] {
            assert!(KeyId::parse(wrong).is_err());
            assert!(serde_json::from_value::<KeyId>(json!(wrong)).is_err());
        }
    }

    #[test]
    fn of_token_types_are_media_types() {
        assert!(TokenType::Jwt.matches("jwt"));
        assert!(TokenType::Jwt.matches("application/jwt"));
        assert!(!TokenType::Jwt.matches("at+jwt"));
        assert!(!TokenType::Jwt.matches("applicationäjwt"));
    }

    #[test]
    fn of_protocol_claims_are_reserved() {
        for name in
            ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time"]
        {
            assert!(is_registered_claim(name), "{name}");
        }
        for name in ["acr", "amr", "cnf", "act", "may_act", "typ", "azp", "nonce"] {
            assert!(is_registered_claim(name), "{name}");
        }
        for name in ["id", "username", "roles", "Sub"] {
            assert!(!is_registered_claim(name), "{name}");
        }
    }
}

mod scope {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn keeps_the_order_and_drops_repeated_words() {
        assert_eq!(scope("write read write").to_string(), "write read");
        assert_eq!(scope("a b"), scope("b a"));
    }

    #[test]
    fn contains_only_whole_words() {
        assert!(scope("read:all write").contains("write"));
        assert!(!scope("read:all write").contains("read"));
        assert!(!scope("read").contains(""));
    }

    #[test]
    fn of_a_narrower_grant_is_a_subset() {
        assert!(scope("read").is_subset_of(&scope("write read")));
        assert!(!scope("read admin").is_subset_of(&scope("read")));
        assert!(scope("").is_subset_of(&scope("read")));
        assert!(scope("").is_empty());
    }

    #[test]
    fn has_only_the_characters_of_rfc_6749() {
        for wrong in [" ", "a  b", " a", "a ", "a\"b", "a\\b", "a\tb", "ä", &"a".repeat(2049)] {
            assert!(Scope::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn is_a_string_in_json() {
        assert_eq!(json!(scope("a b")), json!("a b"));
        assert!(serde_json::from_value::<Scope>(json!(["a"])).is_err());
    }
}

#[test]
fn an_audience_is_a_string_or_a_list() {
    for (wire, contains) in [(json!("a"), true), (json!(["b", "a"]), true), (json!(["b"]), false)] {
        let audience: Audience = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(audience.contains("a"), contains);
        assert_eq!(json!(audience), wire);
    }
}

mod strict_json {
    use super::*;

    #[test]
    fn rejects_ambiguous_or_invalid_text() {
        for wrong in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"b":{"a":1,"a":1}}]"#] {
            assert!(parse_strict(wrong.as_bytes()).is_err(), "{wrong}");
        }
        for wrong in ["", "{", "1e400", "{}{}", "1 2", "nul", "'a'", "[1,]", "// x\n1", "\"\\ud800\""] {
            assert!(parse_strict(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(parse_strict(b"\"\xff\"").is_err());
        assert!(parse_strict(b"\xef\xbb\xbf{}").is_err());
    }

    #[test]
    fn rejects_numbers_that_would_be_rounded() {
        let kept = [
            "0",
            "-0",
            "7",
            "-7",
            "9007199254740993",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "1.50",
            "-0.30000000000000004",
            "100.0",
            "1e2",
            "1.5E+3",
            "2.5e-3",
            "1e22",
            "0.0",
            "0e9",
            "1.7976931348623157e308",
            "5e-324",
        ];
        let rounded = [
            "18446744073709551616",
            "-9223372036854775809",
            "100000000000000000000",
            "18446744073709551616.0",
            "9007199254740993.0",
            "0.1000000000000000055511151231257827",
            "3.14159265358979323846",
            "1e-400",
            "123456789012345678901234567890e0",
        ];
        let placed =
            |number: &str| format!(r#"{{"-1e999\"99999999999999999999":["1e999\\",{number}],"b":-1}}"#);
        for number in kept {
            let value = parse_exact(placed(number).as_bytes());
            assert!(value.is_ok(), "{number}");
        }
        for number in rounded {
            let error = parse_exact(placed(number).as_bytes()).unwrap_err();
            let reason = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(reason, format!("the number {number} would be rounded; write it as a string"));
            assert!(parse_strict(placed(number).as_bytes()).is_ok(), "{number}");
        }
        let long = parse_exact("9".repeat(5000).as_bytes()).unwrap_err();
        assert!(std::error::Error::source(&long).unwrap().to_string().len() < 120);
    }

    proptest! {
        #[test]
        fn accepts_every_number_that_it_serialises(
            integer in any::<i64>(),
            natural in any::<u64>(),
            double in any::<f64>(),
        ) {
            let value = serde_json::json!([integer, natural, double]);
            proptest::prop_assert_eq!(parse_exact(value.to_string().as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn has_at_most_64_levels() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_strict(nested(64).as_bytes()).is_ok());
        assert!(parse_strict(nested(65).as_bytes()).is_err());
        assert!(parse_strict("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn reads_every_kind_of_value() {
        let text = r#"{"a":[null,true,-1,1.5,18446744073709551615,"x\n"],"b":{"a":{}}}"#;
        assert_eq!(parse_strict(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    proptest! {
        #[test]
        fn accepts_only_text_that_serde_json_accepts(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = parse_strict(&bytes) {
                proptest::prop_assert_eq!(value, serde_json::from_slice::<Value>(&bytes).unwrap());
            }
        }
    }
}
