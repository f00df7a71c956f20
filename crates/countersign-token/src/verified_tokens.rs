//! A cache of verified tokens, for one issuer and one audience.
//!
//! A client sends the same access token with every request until the token expires, and verifying its
//! signature is the most expensive part. The cache stores the SHA-256 hash of each verified token. When the
//! token comes again, only its times are checked. The number of entries is bounded, and neither tokens nor
//! failures are stored. Create a new cache when the keys change, so that no entry outlives the keys.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use crate::error::VerifyError;
use crate::verify::{Lifespan, verify_with_lifespan};
use crate::{AccessTokenClaims, Expected, KeySet, LONGEST_TOKEN, Timestamp};

/// Verifies tokens with fixed keys and expectations, and checks each signature once.
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
    /// Creates a cache of at most `capacity` tokens, which keeps the most used ones. An entry takes about 1
    /// KiB, or more with many claims. A capacity of zero disables the cache.
    pub fn new(keys: KeySet, expected: Expected, capacity: usize) -> Self {
        Self { keys, expected, passed: Cache::new(capacity) }
    }

    /// The keys that were passed to [`VerifiedTokens::new`].
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The issuer, audience, type and leeway that were passed to [`VerifiedTokens::new`].
    pub const fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Verifies a token completely, or checks only its times if it is in the cache.
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`crate::verify`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessTokenClaims>, VerifyError> {
        if token.len() > LONGEST_TOKEN {
            return Err(VerifyError::TooLong);
        }
        let hash = digest(&SHA256, token.as_bytes());
        let hash: [u8; 32] = hash.as_ref().try_into().expect("SHA-256 yields 32 bytes");
        if let Some(passed) = self.passed.get(&hash) {
            passed.lifespan.check(self.expected.leeway, now)?;
            return Ok(passed.claims.clone());
        }
        let (claims, lifespan) =
            verify_with_lifespan::<AccessTokenClaims>(token, &self.keys, &self.expected, now)?;
        let claims = Arc::new(claims);
        self.passed.insert(hash, Arc::new(Passed { claims: claims.clone(), lifespan }));
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
    fn the_times_of_a_cached_token_are_checked_every_time() {
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
    fn a_changed_copy_of_a_cached_token_is_rejected() {
        let key = key();
        let verified = VerifiedTokens::new(KeySet::new([key.verifying_key()]), expected(), 100);
        let valid = token(&key, "1");
        for _ in 0..3 {
            verified.verify(&valid, NOON).unwrap();
            for index in [0, valid.len() / 2, valid.len() - 1] {
                let mut bytes = valid.clone().into_bytes();
                bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
                assert!(verified.verify(&String::from_utf8(bytes).unwrap(), NOON).is_err());
            }
        }
    }

    #[test]
    fn the_cache_holds_at_most_its_capacity() {
        let key = key();
        for capacity in [0, 8] {
            let verified = VerifiedTokens::new(KeySet::new([key.verifying_key()]), expected(), capacity);
            for jti in 0..100 {
                let token = token(&key, &jti.to_string());
                assert_eq!(verified.verify(&token, NOON).unwrap().jti, jti.to_string());
                assert_eq!(verified.verify(&token, NOON).unwrap().jti, jti.to_string());
            }
            assert!(verified.passed.len() <= capacity);
        }
    }

    #[test]
    fn a_cache_with_new_keys_does_not_accept_tokens_of_the_old_keys() {
        let (old, new) = (key(), key());
        let token = token(&old, "1");
        let before = VerifiedTokens::new(KeySet::new([old.verifying_key()]), expected(), 100);
        before.verify(&token, NOON).unwrap();
        let after = VerifiedTokens::new(KeySet::new([new.verifying_key()]), expected(), 100);
        assert!(after.verify(&token, NOON).is_err());
    }
}
