//! The checks of an access token in an API (RFC 9068 §4).
//!
//! A token is verified only with the keys of the issuer that it names. One issuer can therefore not sign
//! tokens for the users of another. Then the session is looked up in the revocation list. Verified tokens are
//! cached until the keys change: when a token comes again, only its times and its session are checked.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::legacy::LegacyKey;
use countersign_token::{
    AccessTokenClaims, DEFAULT_LEEWAY, Expected, KeySet, Timestamp, TokenType, VerifiedTokens, VerifyError,
    unverified,
};

use crate::legacy_tokens::{FallbackClaims, LegacyTokens};
use crate::{Clock, Issuer, Refusal};

/// Verifies the access tokens for one audience. It is cheap to clone; clones share the cache of verified
/// tokens.
///
/// ```
/// use countersign_verify::{JwkSet, Timestamp, Verifier};
///
/// let published = br#"{"keys":[]}"#;
/// let keys = JwkSet::parse(published)?.into();
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys);
/// let now = Timestamp::from_seconds(1_800_000_000);
/// assert!(verifier.verify("not.a.token", now).is_err());
/// # Ok::<(), countersign_verify::JwkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    audience: Arc<str>,
    trusted: Vec<Trusted>,
    leeway: Duration,
    capacity: usize,
    legacy: Option<LegacyTokens>,
    clock: Clock,
}

/// An issuer, and the cache of its verified tokens.
#[derive(Clone, Debug)]
struct Trusted {
    issuer: Issuer,
    cache: Arc<RwLock<Option<TokenCache>>>,
}

/// The verified tokens, and the keys that verified them.
#[derive(Clone, Debug)]
struct TokenCache {
    keys: Arc<KeySet>,
    tokens: Arc<VerifiedTokens>,
}

/// Enough for 8,192 users who are active within a quarter of an hour. A token takes about 1 KiB.
const CAPACITY: usize = 8192;

impl Verifier {
    /// Trusts one issuer with fixed keys and without a revocation list. `issuer` and `audience` are compared
    /// byte for byte with `iss` and `aud`. The leeway is five seconds.
    pub fn new(issuer: impl Into<Arc<str>>, audience: impl Into<Arc<str>>, keys: KeySet) -> Self {
        Self::for_audience(audience, Issuer::with_keys(issuer, keys))
    }

    /// Trusts one issuer. `audience` must equal a token's `aud` or one of its elements, byte for byte.
    pub fn for_audience(audience: impl Into<Arc<str>>, issuer: Issuer) -> Self {
        let verifier = Self {
            audience: audience.into(),
            trusted: Vec::new(),
            leeway: DEFAULT_LEEWAY,
            capacity: CAPACITY,
            legacy: None,
            clock: Clock::system(),
        };
        verifier.also_trust(issuer)
    }

    /// Also trusts another issuer. Its tokens are verified only with its own keys. If an issuer with the same
    /// name was added before, it is replaced.
    #[must_use]
    pub fn also_trust(mut self, issuer: Issuer) -> Self {
        self.trusted.retain(|known| known.issuer.name() != issuer.name());
        self.trusted.push(Trusted { issuer, cache: Arc::default() });
        self
    }

    /// How far the clocks of issuer and API may differ. Default: five seconds; higher values than a minute
    /// count as a minute. It applies to `exp`, `nbf` and `iat`.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self.clear_caches()
    }

    /// How many verified tokens of each issuer are cached. Default: 8,192; zero disables the cache. A token
    /// takes about 1 KiB.
    #[must_use]
    pub fn remember(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self.clear_caches()
    }

    /// Sets the clock of [`Verifier::verify_now`]. Default: the system clock. A fetched issuer has its own
    /// clock; see `Discovery::clock`.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Also accepts legacy tokens before the time `until`: HS256 tokens that the Express tutorial's server
    /// signed. They name no issuer, audience or session, so they cannot be revoked. Choose a time shortly
    /// after the last of them expires.
    #[must_use]
    pub fn accept_legacy_tokens(mut self, key: LegacyKey, until: Timestamp) -> Self {
        self.legacy = Some(LegacyTokens { key, until });
        self
    }

    /// Verifies a token and its session, with the keys and revocations that are known now.
    ///
    /// In the claims of a legacy token, `iss` and `aud` come from this verifier. The subject is the first of
    /// `sub`, `id` and `username` that is present. `jti`, `client_id`, `sid` and `scope` are empty. Other
    /// registered claims are dropped, because the tutorial's server did not restrict who could set them.
    ///
    /// # Errors
    ///
    /// The error is for the log. Tell the client only that its token was rejected.
    ///
    /// - [`Refusal::Token`] if the token is invalid, expired, or from an issuer that is not trusted.
    /// - [`Refusal::Revoked`] if its session was revoked.
    /// - [`Refusal::KeysUnknown`] or [`Refusal::RevocationsUnknown`] if it cannot be checked at the moment.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessTokenClaims>, Refusal> {
        match (self.verify_issued(token, now), &self.legacy) {
            // Countersign's tokens always have `kid` and `iss`, and legacy tokens never have them.
            (Err(Refusal::Token(VerifyError::MissingKeyId | VerifyError::Claim("iss"))), Some(legacy))
                if now < legacy.until =>
            {
                let issuer = self.trusted.first().map_or("", |trusted| trusted.issuer.name());
                let fallback = FallbackClaims { issuer, audience: &self.audience };
                Ok(Arc::new(legacy.verify(token, &fallback, self.leeway, now)?))
            }
            (outcome, _) => outcome,
        }
    }

    /// Like [`Verifier::verify`], with the time of this verifier's clock. If the token's key is unknown and a
    /// fetch of keys is under way, it waits for the fetch, at most three seconds.
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`Verifier::verify`].
    pub async fn verify_now(&self, token: &str) -> Result<Arc<AccessTokenClaims>, Refusal> {
        let outcome = self.verify(token, self.clock.now());
        #[cfg(feature = "fetch")]
        if let Err(Refusal::KeysUnknown | Refusal::Token(VerifyError::UnknownKey)) = outcome
            && let Ok(trusted) = self.named_by(token)
        {
            trusted.issuer.await_keys().await;
            return self.verify(token, self.clock.now());
        }
        outcome
    }

    /// The audience that tokens must have in `aud`.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    fn verify_issued(&self, token: &str, now: Timestamp) -> Result<Arc<AccessTokenClaims>, Refusal> {
        let Trusted { issuer, cache } = self.named_by(token)?;
        let keys = issuer.keys(now).ok_or(Refusal::KeysUnknown)?;
        let claims = self.verified_tokens(cache, issuer, keys).verify(token, now).inspect_err(|error| {
            if matches!(error, VerifyError::UnknownKey) {
                issuer.report_unknown_key(now);
            }
        })?;
        issuer.check_revocations(&claims, now)?;
        Ok(claims)
    }

    /// Chooses the issuer whose keys to use, by the unverified `iss`. If `iss` is forged, the signature does
    /// not verify.
    fn named_by(&self, token: &str) -> Result<&Trusted, VerifyError> {
        if let [only] = self.trusted.as_slice() {
            return Ok(only);
        }
        let unverified_issuer = unverified::issuer(token)?;
        let is_named = |trusted: &&Trusted| trusted.issuer.name() == unverified_issuer;
        self.trusted.iter().find(is_named).ok_or(VerifyError::WrongIssuer)
    }

    /// Returns the cache for these keys. A cache of other keys is replaced by an empty one.
    fn verified_tokens(
        &self,
        cache: &RwLock<Option<TokenCache>>,
        issuer: &Issuer,
        keys: Arc<KeySet>,
    ) -> Arc<VerifiedTokens> {
        let of_these_keys = |cache: &Option<TokenCache>| {
            let cache = cache.as_ref().filter(|cache| Arc::ptr_eq(&cache.keys, &keys))?;
            Some(cache.tokens.clone())
        };
        if let Some(tokens) = of_these_keys(&cache.read().unwrap_or_else(PoisonError::into_inner)) {
            return tokens;
        }
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = of_these_keys(&cache) {
            return tokens;
        }
        let expected = Expected {
            issuer: issuer.name().to_owned(),
            audience: self.audience.to_string(),
            token_type: TokenType::AccessToken,
            leeway: self.leeway,
        };
        let tokens = Arc::new(VerifiedTokens::new(KeySet::clone(&keys), expected, self.capacity));
        *cache = Some(TokenCache { keys, tokens: tokens.clone() });
        tokens
    }

    /// Cached tokens were verified with the previous settings, so they must be verified again.
    fn clear_caches(mut self) -> Self {
        self.trusted.iter_mut().for_each(|trusted| trusted.cache = Arc::default());
        self
    }
}

#[cfg(feature = "fetch")]
impl Verifier {
    /// Trusts one issuer on the network. Fetches its keys and its revocation list if it has one, and keeps
    /// both up to date. For more settings, use [`Issuer::discover`].
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`crate::Discovery::connect`]: the issuer cannot be reached, or its metadata,
    /// keys or revocation list are invalid.
    pub async fn discover(issuer: &str, audience: &str) -> Result<Self, crate::IssuerError> {
        Ok(Self::for_audience(audience, Issuer::discover(issuer).connect().await?))
    }

    /// Like [`Verifier::discover`], but does not wait. Until the issuer was reached, tokens are rejected with
    /// [`Refusal::KeysUnknown`].
    ///
    /// # Errors
    ///
    /// - [`crate::IssuerError::Address`] if the URL is not allowed.
    /// - [`crate::IssuerError::NoRuntime`] outside of a Tokio runtime.
    /// - [`crate::IssuerError::Client`] if the HTTP client cannot be built.
    pub fn discover_lazily(issuer: &str, audience: &str) -> Result<Self, crate::IssuerError> {
        Ok(Self::for_audience(audience, Issuer::discover(issuer).connect_lazily()?))
    }

    /// Trusts one issuer whose key set is at `jwks_url`, and does not follow its revocations. For more
    /// settings, use [`Issuer::fetching`].
    ///
    /// # Errors
    ///
    /// Fails in the cases of [`crate::Discovery::connect`]: the keys cannot be fetched, or are invalid.
    pub async fn fetching(issuer: &str, audience: &str, jwks_url: &str) -> Result<Self, crate::IssuerError> {
        Ok(Self::for_audience(audience, Issuer::fetching(issuer, jwks_url).connect().await?))
    }
}
