//! An access token like those of the server, and the operations on it: encode, sign, verify and decode.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_token::unverified::{self, UnverifiedToken};
use countersign_token::{
    AccessTokenClaims, Algorithm, Audience, Expected, KeyId, KeySet, Scope, SignError, SigningKey, Timestamp,
    TokenType, VerifyError, verify,
};
use serde_json::json;

pub(crate) const ISSUER: &str = "https://id.example";

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A new key for one algorithm, and a token that it signed.
pub struct Signing {
    key: SigningKey,
    keys: KeySet,
    expected: Expected,
    claims: AccessTokenClaims,
    token: String,
}

impl Signing {
    /// Generates a key. This is slow for RSA.
    pub fn new(algorithm: Algorithm) -> Self {
        let material = SigningKey::generate(algorithm).expect("the system provides random bytes");
        // As long as the server's key IDs, which are thumbprints.
        let key_id =
            KeyId::parse("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs").expect("the key ID is valid");
        let key = SigningKey::parse(algorithm, key_id, &material).expect("a generated key is valid");
        let expected = Expected {
            issuer: ISSUER.to_owned(),
            audience: ISSUER.to_owned(),
            token_type: TokenType::AccessToken,
            leeway: Duration::from_secs(5),
        };
        let claims = claims();
        let token = key.sign(TokenType::AccessToken, &claims).expect("the claims are an object");
        Self { keys: KeySet::new([key.verifying_key()]), key, expected, claims, token }
    }

    /// Creates a token from claims.
    ///
    /// # Errors
    ///
    /// If the cryptographic library fails.
    pub fn sign(&self) -> Result<String, SignError> {
        self.key.sign(TokenType::AccessToken, &self.claims)
    }

    /// Verifies the token with all checks, and returns its claims.
    ///
    /// # Errors
    ///
    /// Never, because the token is valid.
    pub fn verify(&self) -> Result<AccessTokenClaims, VerifyError> {
        verify(&self.token, &self.keys, &self.expected, NOW)
    }

    /// Encodes the claims as in a token: the part of signing without cryptography.
    ///
    /// # Errors
    ///
    /// Never, because the claims are an object.
    pub fn encode(&self) -> serde_json::Result<String> {
        serde_json::to_vec(&self.claims).map(|json| URL_SAFE_NO_PAD.encode(json))
    }

    /// The signed token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The key set that verifies the token.
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// A revocation list of `count` sessions, without the token's session.
    ///
    /// # Errors
    ///
    /// If the cryptographic library fails.
    pub fn revocations(&self, count: u64) -> Result<String, SignError> {
        let entry = |number| {
            let sid = format!("01994f4e-9b1d-7a52-8f3c-{number:012x}");
            json!({"exp": NOW.plus(Duration::from_secs(900)), "sid": sid})
        };
        let page = json!({
            "iss": ISSUER, "aud": ISSUER, "iat": NOW, "exp": NOW.plus(Duration::from_secs(60)),
            "after": null, "cursor": format!("{count}-0102030405ff"), "more": false,
            "revocations": (0..count).map(entry).collect::<Vec<_>>(),
        });
        self.key.sign(TokenType::Revocations, &page)
    }

    /// Decodes the header and the claims of the token: the part of verification without cryptography.
    ///
    /// # Errors
    ///
    /// Never, because the token has three parts.
    pub fn decode(&self) -> Result<UnverifiedToken, VerifyError> {
        unverified::decode(&self.token)
    }
}

/// The claims of an access token for a user without custom claims.
fn claims() -> AccessTokenClaims {
    let user = "01994f4e-8a3e-7c61-9d2b-3f5a6b7c8d9e";
    let extra = json!({"id": user, "username": "john_doe"});
    AccessTokenClaims {
        iss: ISSUER.to_owned(),
        sub: user.to_owned(),
        aud: Audience::One(ISSUER.to_owned()),
        exp: NOW.plus(Duration::from_secs(920)),
        iat: NOW,
        jti: "n5Ui8kYQ0nOtt7aGmRkqcA".to_owned(),
        client_id: "first-party".to_owned(),
        scope: Scope::parse("countersign:account").expect("the scope is valid"),
        sid: "01994f4e-9b1d-7a52-8f3c-0a1b2c3d4e5f".to_owned(),
        auth_time: Some(NOW),
        extra: extra.as_object().cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_every_algorithm_verifies() {
        for algorithm in Algorithm::ALL {
            let signing = Signing::new(algorithm);
            assert_eq!(signing.verify().unwrap(), claims());
            assert_eq!(signing.decode().unwrap().claims, json!(claims()));
            assert!(signing.sign().unwrap().contains(&signing.encode().unwrap()));
        }
    }
}
