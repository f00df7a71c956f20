//! Verifies legacy tokens, which an API accepts until a date during a migration from the Express tutorial.

use std::time::Duration;

use countersign_token::legacy::{self, LegacyKey};
use countersign_token::{AccessTokenClaims, Audience, Scope, Timestamp, VerifyError, is_registered_claim};
use serde_json::{Map, Value};

/// The key of the legacy tokens, and the time from which they are rejected.
#[derive(Clone, Debug)]
pub(crate) struct LegacyTokens {
    pub(crate) key: LegacyKey,
    pub(crate) until: Timestamp,
}

/// Claims that legacy tokens do not have.
pub(crate) struct FallbackClaims<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
}

impl LegacyTokens {
    /// Verifies a legacy token and converts its claims. Claims that it does not have are filled in or empty.
    pub(crate) fn verify(
        &self,
        token: &str,
        fallback: &FallbackClaims<'_>,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<AccessTokenClaims, VerifyError> {
        let claims = legacy::verify(token, &self.key, leeway, now)?;
        let sub = ["sub", "id", "username"]
            .into_iter()
            .find_map(|name| claims.get(name).and_then(subject))
            .ok_or(VerifyError::Claim("sub"))?;
        let exp = moment(&claims, "exp").ok_or(VerifyError::Claim("exp"))?;
        let iat = moment(&claims, "iat").unwrap_or(now);
        Ok(AccessTokenClaims {
            iss: fallback.issuer.to_owned(),
            sub,
            aud: Audience::One(fallback.audience.to_owned()),
            exp,
            iat,
            jti: String::new(),
            client_id: String::new(),
            scope: Scope::default(),
            sid: String::new(),
            auth_time: None,
            extra: claims.into_iter().filter(|(name, _)| !is_registered_claim(name)).collect(),
        })
    }
}

/// Reads a subject as text. The tutorial's user IDs are numbers.
fn subject(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn moment(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    claims.get(name).cloned().and_then(|value| serde_json::from_value(value).ok())
}
