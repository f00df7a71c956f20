//! Tokens of the Express tutorial, taken until a set date while its users move over.

use std::time::Duration;

use countersign_token::legacy::{self, LegacyKey};
use countersign_token::{AccessTokenClaims, Audience, Scope, Timestamp, VerifyError, is_registered_claim};
use serde_json::{Map, Value};

/// Which tokens from before the move are still taken, and how long.
#[derive(Clone, Debug)]
pub(crate) struct LegacyTokens {
    pub(crate) key: LegacyKey,
    pub(crate) until: Timestamp,
}

impl LegacyTokens {
    /// The token's claims in the form of our own: what it does not say is filled in or empty.
    pub(crate) fn verify(
        &self,
        token: &str,
        (issuer, audience): (&str, &str),
        (leeway, now): (Duration, Timestamp),
    ) -> Result<AccessTokenClaims, VerifyError> {
        let claims = legacy::verify(token, &self.key, leeway, now)?;
        let sub = ["sub", "id", "username"]
            .into_iter()
            .find_map(|name| claims.get(name).and_then(subject))
            .ok_or(VerifyError::Claim("sub"))?;
        let exp = moment(&claims, "exp").ok_or(VerifyError::Claim("exp"))?;
        let iat = moment(&claims, "iat").unwrap_or(now);
        Ok(AccessTokenClaims {
            iss: issuer.to_owned(),
            sub,
            aud: Audience::One(audience.to_owned()),
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

/// The tutorial numbers its users.
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
