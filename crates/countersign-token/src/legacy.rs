//! Legacy tokens: tokens that the Express tutorial's server signed, for the time of a migration.
//!
//! Node's `jsonwebtoken` made them: HS256 with a secret of any length, without `kid`, issuer or audience.
//! They fail [`crate::verify`], and only a caller that uses this module accepts them. All other checks are
//! the same and as strict.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};

use crate::compact::Compact;
use crate::error::{KeyError, VerifyError};
use crate::verify::Lifespan;
use crate::{Algorithm, LONGEST_TOKEN, Secret, Timestamp, TokenType};

/// The secret with which the tutorial's server signed. It may be shorter than an HS256 key of this crate.
#[derive(Clone)]
pub struct LegacyKey(hmac::Key);

impl LegacyKey {
    /// Takes a secret of any length except zero, because the secrets of the tutorial are short.
    ///
    /// # Errors
    ///
    /// [`KeyError::Weak`] if the secret is empty.
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

/// Verifies a legacy token: `alg` must be HS256 and `typ` must be `JWT` or absent. `exp` is required; `nbf`
/// and `iat` are checked if present. `leeway` has the meaning of [`crate::Expected::leeway`].
///
/// # Errors
///
/// The first failed check:
///
/// 1. [`VerifyError::TooLong`], [`VerifyError::NotThreeParts`], or an error of the header.
/// 2. [`VerifyError::AlgorithmMismatch`] or [`VerifyError::WrongType`].
/// 3. [`VerifyError::BadSignature`].
/// 4. An error of the payload, [`VerifyError::Claim`], [`VerifyError::Expired`] or
///    [`VerifyError::NotYetValid`].
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
