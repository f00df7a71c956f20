//! The claims that an operator gives to a user or to a session.

use serde_json::{Map, Value};

use super::{MAX_CLAIMS, UserError};

/// Own claims of a user or of a session: never a registered one, at most 1.5 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserClaims(Map<String, Value>);

impl UserClaims {
    /// Checks the claims of a new user or session.
    ///
    /// # Errors
    ///
    /// [`UserError::ClaimsShape`], [`UserError::RegisteredClaim`] or [`UserError::ClaimsSize`].
    pub fn check(claims: Value) -> Result<Self, UserError> {
        let Value::Object(claims) = claims else { return Err(UserError::ClaimsShape) };
        if let Some(name) = claims.keys().find(|name| countersign_token::is_registered_claim(name)) {
            return Err(UserError::RegisteredClaim(name.clone()));
        }
        if size(&claims) > MAX_CLAIMS { Err(UserError::ClaimsSize) } else { Ok(Self(claims)) }
    }

    /// Claims from a store. They may be larger than new ones if an earlier release wrote them. A claim whose
    /// name has been registered since is left out.
    pub fn from_stored(mut claims: Map<String, Value>) -> Self {
        claims.retain(|name, _| !countersign_token::is_registered_claim(name));
        Self(claims)
    }

    /// The user's claims with those of a session, which take precedence. Leaves out a claim of the session
    /// whose name was registered after the session was opened: the row keeps it, because tokens are bound to
    /// it.
    pub fn with_session(&self, session: &Map<String, Value>) -> Map<String, Value> {
        let mut claims = self.0.clone();
        let session = session.iter().filter(|(name, _)| !countersign_token::is_registered_claim(name));
        claims.extend(session.map(|(name, value)| (name.clone(), value.clone())));
        claims
    }

    /// Checks the size of a session's claims together with the user's. A session without claims is always
    /// accepted, so that a user with larger claims from an earlier release can sign in.
    ///
    /// # Errors
    ///
    /// [`UserError::JointClaimsSize`], when both together are too large.
    pub fn check_with_session(&self, session: &Map<String, Value>) -> Result<(), UserError> {
        let fits = session.is_empty() || size(&self.with_session(session)) <= MAX_CLAIMS;
        if fits { Ok(()) } else { Err(UserError::JointClaimsSize) }
    }

    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn size(claims: &Map<String, Value>) -> usize {
    serde_json::to_string(claims).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_registered_claim_cannot_be_replaced() {
        let refused = UserClaims::check(json!({"id": 1, "exp": 9_999_999_999_u64})).err();
        assert_eq!(refused, Some(UserError::RegisteredClaim("exp".to_owned())));
        assert_eq!(UserClaims::check(json!([])).err(), Some(UserError::ClaimsShape));
        assert_eq!(UserClaims::check(json!({"a": "x".repeat(1536)})).err(), Some(UserError::ClaimsSize));
    }

    #[test]
    fn the_claims_of_a_user_and_a_session_share_one_limit() {
        let claims =
            |name: &str, length: usize| UserClaims::check(json!({ name: "x".repeat(length) })).unwrap();
        let user = claims("a", 1000);
        let check = |session: &UserClaims| user.check_with_session(session.as_map());
        // Quotes, colons, a comma and braces.
        assert_eq!(check(&claims("b", 1536 - 1000 - 15)), Ok(()));
        assert_eq!(check(&claims("b", 1536 - 1000 - 14)), Err(UserError::JointClaimsSize));
        assert_eq!(check(&claims("a", 1500)), Ok(()), "the session's claim replaces the user's");
        let old = UserClaims::from_stored(claims("a", 1500).with_session(claims("b", 500).as_map()));
        assert_eq!(old.check_with_session(&Map::new()), Ok(()), "a user of an earlier release signs in");
    }

    #[test]
    fn stored_claims_lose_a_name_that_was_registered_later() {
        let Value::Object(stored) = json!({"exp": 1, "team": "red"}) else { unreachable!() };
        assert_eq!(json!(UserClaims::from_stored(stored).as_map()), json!({"team": "red"}));
    }
}
