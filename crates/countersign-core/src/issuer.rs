//! Issuing access tokens (RFC 9068) for a session and its user.
//!
//! The scope of a token is the granted scope without what the user may no longer
//! have. It can shrink between two refreshes and never grows. A user's own claims
//! can replace `id` and `username`, but never a registered claim.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_token::{AccessTokenClaims, Audience, Scope, SignError, SigningKey, TokenType};
use serde_json::{Map, Value};

use crate::session::Session;
use crate::user::{Role, User};
use crate::{Secret, Timestamp, World};

/// The scope for the user's own account under `/v1`. Every first-party session has it, and no other session.
pub const ACCOUNT_SCOPE: &str = "countersign:account";

/// The scope for `/v1/admin`.
pub const ADMIN_SCOPE: &str = "countersign:admin";

/// The settings of access tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The `iss` of every token. Verifiers compare it as a string.
    pub name: String,
    /// The lifetime that clients are told.
    pub lifetime: Duration,
    /// The most by which a token may live longer, so that tokens do not all expire at once.
    pub jitter: Duration,
    /// The `typ` in the header: `at+jwt` (RFC 9068 §2.1), or `JWT` for verifiers that require it.
    pub token_type: TokenType,
}

/// An access token, and what its client is told about it.
#[derive(Debug)]
pub struct AccessToken {
    /// The compact JWT.
    pub text: Secret<String>,
    /// `expires_in` (RFC 6749 §5.1). The token is valid for at least this long.
    pub lifetime: Duration,
    pub scope: Scope,
}

/// Whom a token is issued for.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The session.
    pub session: &'a Session,
    /// The session's user.
    pub user: &'a User,
}

impl Issuer {
    /// The path of the issuer's URL: empty, or such as `/auth`, without a trailing slash.
    pub fn path(&self) -> &str {
        let rest = self.name.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |start| &rest[start..])
    }

    /// Issues an access token for a session that was just opened or refreshed.
    ///
    /// # Errors
    ///
    /// [`SignError`], when the cryptographic library fails to sign.
    pub fn access_token(
        &self,
        key: &SigningKey,
        Holder { session, user }: Holder<'_>,
        now: Timestamp,
        world: &World,
    ) -> Result<AccessToken, SignError> {
        let scope = effective_scope(&session.grant.scope, user);
        let claims = AccessTokenClaims {
            iss: self.name.clone(),
            sub: user.id.to_string(),
            aud: Audience::One(session.grant.audience.clone()),
            exp: now.plus(self.lifetime).plus(self.some_jitter(world)),
            iat: now,
            jti: URL_SAFE_NO_PAD.encode(world.random::<16>()),
            client_id: session.grant.client.to_string(),
            scope: scope.clone(),
            sid: session.id.to_string(),
            auth_time: Some(session.authenticated_at),
            extra: own_claims(session, user),
        };
        let text = Secret::new(key.sign(self.token_type, &claims)?);
        Ok(AccessToken { text, lifetime: self.lifetime, scope })
    }

    /// The longest lifetime of an access token, jitter included.
    pub fn longest_lifetime(&self) -> Duration {
        self.lifetime + self.jitter
    }

    fn some_jitter(&self, world: &World) -> Duration {
        let fraction = f64::from(u32::from_le_bytes(world.random())) / f64::from(u32::MAX);
        self.jitter.mul_f64(fraction)
    }
}

/// The part of a granted scope that the user may have now.
pub fn effective_scope(granted: &Scope, user: &User) -> Scope {
    granted.filter(|token| token != ADMIN_SCOPE || user.role == Role::Admin)
}

fn own_claims(session: &Session, user: &User) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("id".to_owned(), user.id.as_str().into());
    claims.insert("username".to_owned(), user.username.as_str().into());
    claims.extend(user.claims.with_session(&session.grant.claims));
    claims
}

#[cfg(test)]
mod tests {
    use countersign_token::{Algorithm, KeyId};
    use serde_json::json;

    use super::*;
    use crate::test_support::{NOON, grant, opened, server_keys, world};
    use crate::user::{UserClaims, Username};

    #[test]
    fn a_session_claim_whose_name_was_registered_later_is_left_out() {
        let (mut row, _) = opened(&server_keys(&[1]), grant());
        let Value::Object(own) = json!({"exp": 1, "txn": "a", "team": "red"}) else { unreachable!() };
        row.session.grant.claims = own;
        let claims = own_claims(&row.session, &row.user.unwrap());
        assert_eq!(json!(claims), json!({"id": "1", "username": "john_doe", "team": "red"}));
    }

    #[test]
    fn a_token_with_the_largest_allowed_claims_fits_into_a_cookie() {
        let (mut row, _) = opened(&server_keys(&[1]), grant());
        let longest = |length: usize| "x".repeat(length);
        let mut user = row.user.take().unwrap();
        user.id = longest(64).parse().unwrap();
        user.username = Username::parse(&longest(128)).unwrap();
        user.claims = UserClaims::check(json!({"a": longest(1000)})).unwrap();
        let Value::Object(own) = json!({"b": longest(1536 - 1000 - 15)}) else { unreachable!() };
        user.claims.check_with_session(&own).unwrap();
        row.session.grant.claims = own;
        row.session.grant.client = longest(64).parse().unwrap();
        row.session.grant.audience = longest(64);
        row.session.grant.scope = Scope::parse("openid profile email orders:read orders:write").unwrap();
        let issuer = Issuer {
            name: longest(64),
            lifetime: Duration::from_secs(900),
            jitter: Duration::ZERO,
            token_type: TokenType::AccessToken,
        };
        for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa] {
            let material = SigningKey::generate(algorithm).unwrap();
            let key = SigningKey::parse(algorithm, KeyId::parse(&longest(43)).unwrap(), &material).unwrap();
            let holder = Holder { session: &row.session, user: &user };
            let token = issuer.access_token(&key, holder, NOON, &world()).unwrap();
            let cookie = format!("__Host-access_token={}", token.text.expose());
            assert!(cookie.len() <= 4096, "{algorithm}: {}", cookie.len());
        }
    }
}
