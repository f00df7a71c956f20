//! Tokens of the well-known Express tutorial, for the weeks of moving away from it.
//!
//! Node's `jsonwebtoken` made them: HS256 with a secret of any length, no `kid`, no issuer, no audience. So
//! they prove less than [`crate::verify`] demands, and have this module to themselves: nothing here is
//! reached unless a caller names it. The rest of the sequence is the same and as strict.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};

use crate::compact::{Compact, LONGEST_TOKEN};
use crate::error::{KeyError, VerifyError};
use crate::verify::Lifespan;
use crate::{Algorithm, Secret, Timestamp, TokenType};

/// The secret that the tutorial's server signed with.
#[derive(Clone)]
pub struct LegacyKey(hmac::Key);

impl LegacyKey {
    /// # Errors
    ///
    /// [`KeyError::Weak`] when the secret is empty; the tutorial's own ones are weak but not that.
    pub fn new(secret: &Secret<String>) -> Result<Self, KeyError> {
        if secret.expose().is_empty() {
            return Err(KeyError::Weak);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())))
    }
}

impl fmt::Debug for LegacyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LegacyKey(…)")
    }
}

/// Verifies a tutorial token: HS256, `typ` `JWT` or none, `exp` required, `nbf` and `iat` honoured. `leeway` is as in
/// [`crate::Expected`].
///
/// # Errors
///
/// The first check that fails.
pub fn verify(
    token: &str,
    key: &LegacyKey,
    leeway: Duration,
    now: Timestamp,
) -> Result<Map<String, Value>, VerifyError> {
    let compact = Compact::split(token, LONGEST_TOKEN)?;
    let header = compact.header()?;
    header.check_nothing_forbidden()?;
    if header.required_text("alg")? != Algorithm::Hs256.name() {
        return Err(VerifyError::AlgorithmMismatch);
    }
    if header.text("typ")?.is_some_and(|typ| !TokenType::Jwt.matches(typ)) {
        return Err(VerifyError::WrongType(TokenType::Jwt));
    }
    hmac::verify(&key.0, compact.signed.as_bytes(), &compact.signature()?)
        .map_err(|_| VerifyError::BadSignature)?;
    let claims = compact.payload()?;
    Lifespan::read(&claims)?.check(leeway, now)?;
    Ok(claims)
}
