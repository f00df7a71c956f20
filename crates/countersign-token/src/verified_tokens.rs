//! Verifying the tokens of one issuer for one audience, each of them once.
//!
//! A client presents the same access token with every call until it expires, and checking a signature costs
//! more than everything else about a call. So a token that passed is remembered by its SHA-256, and only its
//! times are checked when it comes again. What is remembered is bounded, holds no token, and never outlives
//! the keys: whoever replaces the keys makes a new value of this type. What failed is not remembered.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use crate::compact::LONGEST_TOKEN;
use crate::error::VerifyError;
use crate::verify::{Lifespan, verify_with_lifespan};
use crate::{AccessTokenClaims, Expected, KeySet, Timestamp};

/// Verifies tokens against keys and expectations that do not change.
pub struct VerifiedTokens {
    keys: KeySet,
    expected: Expected,
    passed: Cache<[u8; 32], Arc<Passed>>,
}

struct Passed {
    claims: Arc<AccessTokenClaims>,
    lifespan: Lifespan,
}

impl VerifiedTokens {
    /// Remembers at most `places` tokens, the ones that come often. One takes about 1 KiB, and more with many
    /// claims; none at all may be remembered.
    pub fn new(keys: KeySet, expected: Expected, places: usize) -> Self {
        Self { keys, expected, passed: Cache::new(places) }
    }

    /// The keys.
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// What every token must be.
    pub const fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Verifies a token completely, unless it passed before and is merely to be within its time.
    ///
    /// # Errors
    ///
    /// As [`crate::verify`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessTokenClaims>, VerifyError> {
        if token.len() > LONGEST_TOKEN {
            return Err(VerifyError::TooLong);
        }
        let name = digest(&SHA256, token.as_bytes());
        let name: [u8; 32] = name.as_ref().try_into().expect("SHA-256 yields 32 bytes");
        if let Some(passed) = self.passed.get(&name) {
            passed.lifespan.check(self.expected.leeway, now)?;
            return Ok(passed.claims.clone());
        }
        let (claims, lifespan) =
            verify_with_lifespan::<AccessTokenClaims>(token, &self.keys, &self.expected, now)?;
        let claims = Arc::new(claims);
        self.passed.insert(name, Arc::new(Passed { claims: claims.clone(), lifespan }));
        Ok(claims)
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, expected, passed } = self;
        formatter
            .debug_struct("VerifiedTokens")
            .field("keys", keys)
            .field("expected", expected)
            .field("passed", &passed.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{Algorithm, KeyId, SigningKey, TokenType};

    const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn key() -> SigningKey {
        let material = SigningKey::generate(Algorithm::Es256).unwrap();
        SigningKey::parse(Algorithm::Es256, KeyId::parse("k").unwrap(), &material).unwrap()
    }

    fn expected() -> Expected {
        Expected {
            issuer: "https://id.example".to_owned(),
            audience: "shop".to_owned(),
            token_type: TokenType::AccessToken,
            leeway: Duration::from_secs(5),
        }
    }

    fn token(key: &SigningKey, jti: &str) -> String {
        let claims = json!({
            "iss": "https://id.example", "sub": "1", "aud": "shop", "exp": 1_800_000_060, "iat": 1_800_000_000,
            "nbf": 1_799_999_990, "jti": jti, "client_id": "app", "sid": "s",
        });
        key.sign(TokenType::AccessToken, &claims).unwrap()
    }

    // C7
    #[test]
    fn a_token_that_passed_before_still_ends_at_its_time_and_does_not_begin_early() {
        let key = key();
        let verified = VerifiedTokens::new(KeySet::new([key.verifying_key()]), expected(), 100);
        let token = token(&key, "1");
        let at =
            |seconds: u64| verified.verify(&token, Timestamp::from_seconds(seconds)).map(|claims| claims.exp);
        assert!(at(1_800_000_000).is_ok());
        assert!(at(1_800_000_064).is_ok(), "within the leeway");
        assert!(matches!(at(1_800_000_065), Err(VerifyError::Expired)));
        assert!(matches!(at(1_799_999_984), Err(VerifyError::NotYetValid)));
        assert!(at(1_799_999_999).is_ok());
    }

    // C2
    #[test]
    fn a_changed_token_is_another_token_however_often_the_good_one_passed() {
        let key = key();
        let verified = VerifiedTokens::new(KeySet::new([key.verifying_key()]), expected(), 100);
        let good = token(&key, "1");
        for _ in 0..3 {
            verified.verify(&good, NOON).unwrap();
            for index in [0, good.len() / 2, good.len() - 1] {
                let mut bytes = good.clone().into_bytes();
                bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
                assert!(verified.verify(&String::from_utf8(bytes).unwrap(), NOON).is_err());
            }
        }
    }

    #[test]
    fn no_more_is_remembered_than_there_are_places() {
        let key = key();
        for places in [0, 8] {
            let verified = VerifiedTokens::new(KeySet::new([key.verifying_key()]), expected(), places);
            for jti in 0..100 {
                let token = token(&key, &jti.to_string());
                assert_eq!(verified.verify(&token, NOON).unwrap().jti, jti.to_string());
                assert_eq!(verified.verify(&token, NOON).unwrap().jti, jti.to_string());
            }
            assert!(verified.passed.len() <= places);
        }
    }

    #[test]
    fn other_keys_remember_nothing() {
        let (old, new) = (key(), key());
        let token = token(&old, "1");
        let before = VerifiedTokens::new(KeySet::new([old.verifying_key()]), expected(), 100);
        before.verify(&token, NOON).unwrap();
        let after = VerifiedTokens::new(KeySet::new([new.verifying_key()]), expected(), 100);
        assert!(after.verify(&token, NOON).is_err());
    }
}
