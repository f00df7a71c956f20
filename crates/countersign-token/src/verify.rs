//! Verifies a token that comes from an untrusted client (RFC 7515 §5.2, RFC 7519 §7.2).
//!
//! The checks run in a fixed order: length, header, key, algorithm, type, signature, claims. The caller
//! cannot disable one. A claim of the wrong JSON type is an error and never counts as absent. The module uses
//! no network and no clock: the caller passes the keys and the time.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::compact::{Compact, Header};
use crate::error::VerifyError;
use crate::{KeySet, Timestamp, TokenType, VerifyingKey};

/// What a verifier requires of a token, besides a valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Must equal `iss` byte for byte. No slash is added or removed.
    pub issuer: String,
    /// Must equal `aud`, or one of its elements, byte for byte.
    pub audience: String,
    /// The only accepted type.
    pub token_type: TokenType,
    /// How far the clocks of issuer and verifier may differ: from zero to 60 seconds, and higher values count
    /// as 60. It applies to `exp`, `nbf` and `iat`. Use [`DEFAULT_LEEWAY`] unless you know the difference.
    pub leeway: Duration,
}

/// Five seconds. Clocks that use a time service differ by less than a second, so this tolerates an inaccurate
/// clock.
pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);

/// RFC 7519 §4.1.4: "usually no more than a few minutes".
const LONGEST_LEEWAY: Duration = Duration::from_secs(60);

/// Verifies a token completely and returns its claims.
///
/// ```
/// use std::time::Duration;
/// use countersign_token::{
///     Algorithm, Expected, KeyId, KeySet, SigningKey, Timestamp, TokenType, verify,
/// };
///
/// let material = SigningKey::generate(Algorithm::Es256)?;
/// let key = SigningKey::parse(Algorithm::Es256, KeyId::parse("2026-11")?, &material)?;
/// let claims = serde_json::json!({ "iss": "https://id.example", "aud": "shop", "exp": 1_800_000_600 });
/// let token = key.sign(TokenType::AccessToken, &claims)?;
///
/// let keys = KeySet::new([key.verifying_key()]);
/// let expected = Expected {
///     issuer: "https://id.example".into(),
///     audience: "shop".into(),
///     token_type: TokenType::AccessToken,
///     leeway: Duration::from_secs(5),
/// };
/// let now = Timestamp::from_seconds(1_800_000_000);
/// let verified: serde_json::Value = verify(&token, &keys, &expected, now)?;
/// assert_eq!(verified, claims);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The first failed check, in this order:
///
/// 1. [`VerifyError::TooLong`], [`VerifyError::NotThreeParts`].
/// 2. An error of the header: [`VerifyError::Encoding`], [`VerifyError::Json`], [`VerifyError::NotAnObject`],
///    [`VerifyError::Header`], [`VerifyError::ForbiddenHeader`].
/// 3. [`VerifyError::MissingKeyId`], [`VerifyError::UnknownKey`], [`VerifyError::AlgorithmMismatch`].
/// 4. [`VerifyError::WrongType`], then [`VerifyError::BadSignature`].
/// 5. An error of the payload: `Encoding`, `Json`, `NotAnObject`.
/// 6. [`VerifyError::Claim`], [`VerifyError::WrongIssuer`], [`VerifyError::WrongAudience`],
///    [`VerifyError::Expired`], [`VerifyError::NotYetValid`].
/// 7. [`VerifyError::Shape`] if the claims do not deserialise to `C`.
pub fn verify<C: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    expected: &Expected,
    now: Timestamp,
) -> Result<C, VerifyError> {
    verify_with_lifespan(token, keys, expected, now).map(|(claims, _)| claims)
}

/// Like [`verify`], but also returns the token's times, so that the caller can check them again later.
pub(crate) fn verify_with_lifespan<C: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    expected: &Expected,
    now: Timestamp,
) -> Result<(C, Lifespan), VerifyError> {
    let compact = Compact::split(token, expected.token_type.longest())?;
    let header = compact.header()?;
    header.check_nothing_forbidden()?;
    let candidates = find_keys(&header, keys)?;
    check_type(&header, expected.token_type)?;
    let (signed, signature) = (compact.signed.as_bytes(), compact.signature()?);
    if !candidates.into_iter().any(|key| key.verify_signature(signed, &signature).is_ok()) {
        return Err(VerifyError::BadSignature);
    }
    let claims = compact.payload()?;
    check_issuer(&claims, &expected.issuer)?;
    check_audience(&claims, &expected.audience)?;
    let lifespan = Lifespan::read(&claims)?;
    lifespan.check(expected.leeway, now)?;
    let claims = serde_json::from_value(Value::Object(claims)).map_err(VerifyError::Shape)?;
    Ok((claims, lifespan))
}

/// The keys with the token's `kid` and algorithm. There is more than one only if the issuer uses a `kid`
/// twice.
fn find_keys<'a>(
    header: &Header,
    keys: &'a KeySet,
) -> Result<impl IntoIterator<Item = &'a VerifyingKey>, VerifyError> {
    let algorithm = header.required_text("alg")?.to_owned();
    let kid = header.text("kid")?.ok_or(VerifyError::MissingKeyId)?;
    let mut named = keys.named(kid).peekable();
    named.peek().ok_or(VerifyError::UnknownKey)?;
    let mut candidates = named.filter(move |key| key.algorithm().name() == algorithm).peekable();
    candidates.peek().ok_or(VerifyError::AlgorithmMismatch)?;
    Ok(candidates)
}

fn check_type(header: &Header, token_type: TokenType) -> Result<(), VerifyError> {
    match header.text("typ")? {
        Some(typ) if token_type.matches(typ) => Ok(()),
        _ => Err(VerifyError::WrongType(token_type)),
    }
}

fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), VerifyError> {
    match claims.get("iss") {
        Some(Value::String(iss)) if iss == issuer => Ok(()),
        Some(Value::String(_)) => Err(VerifyError::WrongIssuer),
        _ => Err(VerifyError::Claim("iss")),
    }
}

fn check_audience(claims: &Map<String, Value>, audience: &str) -> Result<(), VerifyError> {
    let is_ours = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) if !many.is_empty() && many.iter().all(Value::is_string) => {
            many.iter().any(|one| one == audience)
        }
        _ => return Err(VerifyError::Claim("aud")),
    };
    if is_ours { Ok(()) } else { Err(VerifyError::WrongAudience) }
}

/// The time in which a token is valid (RFC 7519 §4.1.4 to §4.1.6). `exp` is required; `nbf` and `iat` are
/// checked if present.
pub(crate) struct Lifespan {
    expires: Timestamp,
    /// The later of `nbf` and `iat`, if either is present.
    begins: Option<Timestamp>,
}

impl Lifespan {
    pub(crate) fn read(claims: &Map<String, Value>) -> Result<Self, VerifyError> {
        let expires = moment(claims, "exp")?.ok_or(VerifyError::Claim("exp"))?;
        let begins = moment(claims, "nbf")?.max(moment(claims, "iat")?);
        Ok(Self { expires, begins })
    }

    pub(crate) fn check(&self, leeway: Duration, now: Timestamp) -> Result<(), VerifyError> {
        let leeway = leeway.min(LONGEST_LEEWAY);
        if now >= self.expires.plus(leeway) {
            return Err(VerifyError::Expired);
        }
        if self.begins.is_some_and(|begins| begins > now.plus(leeway)) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(())
    }
}

fn moment(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, VerifyError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            Timestamp::from_number(number).map(Some).ok_or(VerifyError::Claim(name))
        }
        Some(_) => Err(VerifyError::Claim(name)),
    }
}
