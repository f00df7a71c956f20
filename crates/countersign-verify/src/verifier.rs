//! What one API insists on when it is handed an access token (RFC 9068 §4).
//!
//! A token is verified with the keys of the issuer that it names and with no others, so that a key of one issuer
//! never vouches for a user of another. Then its session must not be revoked. A token that passed is remembered
//! until the keys change, and only its times and its session are looked at when it comes again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_token::legacy::LegacyKey;
use countersign_token::{
    AccessTokenClaims, DEFAULT_LEEWAY, Expected, KeySet, Timestamp, TokenType, VerifiedTokens, VerifyError,
    unverified,
};

use crate::legacy_tokens::LegacyTokens;
use crate::{Clock, Issuer, Refusal};

/// Verifies the access tokens for one audience. Cheap to clone; clones share what they remember.
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
    places: usize,
    legacy: Option<LegacyTokens>,
    clock: Clock,
}

/// An issuer, and the tokens of its that passed.
#[derive(Clone, Debug)]
struct Trusted {
    issuer: Issuer,
    passed: Arc<RwLock<Option<Passed>>>,
}

#[derive(Clone, Debug)]
struct Passed {
    keys: Arc<KeySet>,
    tokens: Arc<VerifiedTokens>,
}

/// At about 1 KiB each, the tokens of so many users who call within a quarter of an hour.
const PLACES: usize = 8192;

impl Verifier {
    /// One issuer, with keys that never change. `issuer` and `audience` are compared to the letter. Clocks may
    /// differ by five seconds.
    pub fn new(issuer: impl Into<Arc<str>>, audience: impl Into<Arc<str>>, keys: KeySet) -> Self {
        Self::for_audience(audience, Issuer::with_keys(issuer, keys))
    }

    /// As [`Verifier::new`], with any issuer. `audience` must be among a token's `aud`, to the letter.
    pub fn for_audience(audience: impl Into<Arc<str>>, issuer: Issuer) -> Self {
        let verifier = Self {
            audience: audience.into(),
            trusted: Vec::new(),
            leeway: DEFAULT_LEEWAY,
            places: PLACES,
            legacy: None,
            clock: Clock::system(),
        };
        verifier.also_trust(issuer)
    }

    /// Accepts the tokens of another issuer, too: those that name it and that its own keys have signed. Of two
    /// with one name the later is trusted.
    #[must_use]
    pub fn also_trust(mut self, issuer: Issuer) -> Self {
        self.trusted.retain(|known| known.issuer.name() != issuer.name());
        self.trusted.push(Trusted { issuer, passed: Arc::default() });
        self
    }

    /// How far clocks may differ, for `exp`, `nbf` and `iat` alike: five seconds unless set; more than a minute counts
    /// as a minute.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self.forget()
    }

    /// How many tokens of each issuer are remembered, at about 1 KiB each: 8,192 unless set.
    #[must_use]
    pub fn remember(mut self, places: usize) -> Self {
        self.places = places;
        self.forget()
    }

    /// Another clock than the system's, for [`Verifier::verify_now`]. An issuer that is fetched has its own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Until that moment, also takes HS256 tokens that the server of the Express tutorial signed. They name
    /// no issuer, audience or session, so they cannot be revoked: choose a date not much later than the last of
    /// them expires.
    #[must_use]
    pub fn accept_legacy_tokens(mut self, key: LegacyKey, until: Timestamp) -> Self {
        self.legacy = Some(LegacyTokens { key, until });
        self
    }

    /// Verifies a token completely, its session included, with what is known right now.
    ///
    /// A tutorial token has `iss` and `aud` filled in from this verifier, its subject is its `sub`, `id` or
    /// `username`, whichever it has first, and `jti`, `client_id`, `sid` and `scope` are empty. Other claims
    /// with a meaning in a protocol are dropped, because nobody guarded them when the token was made.
    ///
    /// # Errors
    ///
    /// The first check that failed, for the log: a client is told only that its token was refused.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessTokenClaims>, Refusal> {
        match (self.verify_issued(token, now), &self.legacy) {
            // Tokens of ours always name their key and their issuer, and tutorial tokens never do.
            (Err(Refusal::Token(VerifyError::MissingKeyId | VerifyError::Claim("iss"))), Some(legacy))
                if now < legacy.until =>
            {
                let issuer = self.trusted.first().map_or("", |trusted| trusted.issuer.name());
                Ok(Arc::new(legacy.verify(token, (issuer, &self.audience), (self.leeway, now))?))
            }
            (outcome, _) => outcome,
        }
    }

    /// As [`Verifier::verify`], by this verifier's clock. Where keys are being fetched that the token may need,
    /// it waits for them, at most three seconds.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`].
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

    /// What tokens must be for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    fn verify_issued(&self, token: &str, now: Timestamp) -> Result<Arc<AccessTokenClaims>, Refusal> {
        let Trusted { issuer, passed } = self.named_by(token)?;
        let keys = issuer.keys(now).ok_or(Refusal::KeysUnknown)?;
        let claims = self.tokens(passed, issuer, keys).verify(token, now).inspect_err(|error| {
            if matches!(error, VerifyError::UnknownKey) {
                issuer.miss_key(now);
            }
        })?;
        issuer.check_revocations(&claims, now)?;
        Ok(claims)
    }

    /// Whose keys to try. The token may lie: then those keys have not signed it.
    fn named_by(&self, token: &str) -> Result<&Trusted, VerifyError> {
        if let [only] = self.trusted.as_slice() {
            return Ok(only);
        }
        let unverified_issuer = unverified::issuer(token)?;
        let is_named = |trusted: &&Trusted| trusted.issuer.name() == unverified_issuer;
        self.trusted.iter().find(is_named).ok_or(VerifyError::WrongIssuer)
    }

    /// The tokens that passed with these keys; with others, none have.
    fn tokens(
        &self,
        passed: &RwLock<Option<Passed>>,
        issuer: &Issuer,
        keys: Arc<KeySet>,
    ) -> Arc<VerifiedTokens> {
        let with_these = |passed: &Option<Passed>| {
            let passed = passed.as_ref().filter(|passed| Arc::ptr_eq(&passed.keys, &keys))?;
            Some(passed.tokens.clone())
        };
        if let Some(tokens) = with_these(&passed.read().unwrap_or_else(PoisonError::into_inner)) {
            return tokens;
        }
        let mut passed = passed.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = with_these(&passed) {
            return tokens;
        }
        let expected = Expected {
            issuer: issuer.name().to_owned(),
            audience: self.audience.to_string(),
            token_type: TokenType::AccessToken,
            leeway: self.leeway,
        };
        let tokens = Arc::new(VerifiedTokens::new(KeySet::clone(&keys), expected, self.places));
        *passed = Some(Passed { keys, tokens: tokens.clone() });
        tokens
    }

    /// What passed under other expectations proves nothing.
    fn forget(mut self) -> Self {
        self.trusted.iter_mut().for_each(|trusted| trusted.passed = Arc::default());
        self
    }
}

#[cfg(feature = "fetch")]
impl Verifier {
    /// One issuer that is fetched: its keys are kept up to date, and its revocations are followed if it has a
    /// list of them. Waits until both are here. More settings: [`Issuer::discover`].
    ///
    /// # Errors
    ///
    /// When the issuer cannot be reached, or is not as it must be.
    pub async fn discover(issuer: &str, audience: &str) -> Result<Self, crate::IssuerError> {
        Ok(Self::for_audience(audience, Issuer::discover(issuer).connect().await?))
    }

    /// As [`Verifier::discover`], without waiting: until the issuer was reached, tokens are refused with
    /// [`Refusal::KeysUnknown`].
    ///
    /// # Errors
    ///
    /// When `issuer` is no acceptable address.
    pub fn discover_lazily(issuer: &str, audience: &str) -> Result<Self, crate::IssuerError> {
        Ok(Self::for_audience(audience, Issuer::discover(issuer).connect_lazily()?))
    }

    /// One issuer whose key set is at `jwks_url`; its revocations are not followed. More settings:
    /// [`Issuer::fetching`].
    ///
    /// # Errors
    ///
    /// When the keys cannot be fetched, or are not as they must be.
    pub async fn fetching(issuer: &str, audience: &str, jwks_url: &str) -> Result<Self, crate::IssuerError> {
        Ok(Self::for_audience(audience, Issuer::fetching(issuer, jwks_url).connect().await?))
    }
}
