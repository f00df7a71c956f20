//! What one API insists on when it is handed an access token (RFC 9068 §4).

use std::time::Duration;

use countersign_token::tutorial::{self, TutorialKey};
use countersign_token::{
    AccessTokenClaims, Audience, Expected, KeySet, Scope, Timestamp, TokenType, VerifyError,
    is_registered_claim, verify,
};
use serde_json::{Map, Value};

/// Verifies the access tokens of one issuer for one audience.
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
    keys: KeySet,
    expected: Expected,
    tutorial: Option<TutorialTokens>,
}

/// Which tokens from before the move are still taken, and how long.
#[derive(Clone, Debug)]
struct TutorialTokens {
    key: TutorialKey,
    until: Timestamp,
}

/// Machines with a time service differ by less than a second; this allows for one that is badly off.
const LEEWAY: Duration = Duration::from_secs(5);

impl Verifier {
    /// `issuer` and `audience` are compared to the letter. Clocks may differ by five seconds.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySet) -> Self {
        let expected = Expected {
            issuer: issuer.into(),
            audience: audience.into(),
            token_type: TokenType::AccessToken,
            leeway: LEEWAY,
        };
        Self { keys, expected, tutorial: None }
    }

    /// How far clocks may differ; more than a minute counts as a minute.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// Until that moment, also takes HS256 tokens that the server of the Express tutorial signed. They name
    /// no issuer, audience or session: choose a date not much later than the last of them expires.
    #[must_use]
    pub fn accept_tutorial_tokens(mut self, key: TutorialKey, until: Timestamp) -> Self {
        self.tutorial = Some(TutorialTokens { key, until });
        self
    }

    /// Verifies a token completely.
    ///
    /// A tutorial token has `iss` and `aud` filled in from this verifier, its subject is its `sub`, `id` or
    /// `username`, whichever it has first, and `jti`, `client_id`, `sid` and `scope` are empty. Other claims
    /// with a meaning in a protocol are dropped, because nobody guarded them when the token was made.
    ///
    /// # Errors
    ///
    /// The first check that failed, for the log: a client is told only that its token was refused.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessTokenClaims, VerifyError> {
        match (verify(token, &self.keys, &self.expected, now), &self.tutorial) {
            // Tokens of ours always name their key and tutorial tokens never do.
            (Err(VerifyError::MissingKeyId), Some(tutorial)) if now < tutorial.until => {
                tutorial::verify(token, &tutorial.key, now).and_then(|claims| self.adopt(claims, now))
            }
            (outcome, _) => outcome,
        }
    }

    fn adopt(&self, claims: Map<String, Value>, now: Timestamp) -> Result<AccessTokenClaims, VerifyError> {
        let sub = ["sub", "id", "username"]
            .into_iter()
            .find_map(|name| claims.get(name).and_then(subject))
            .ok_or(VerifyError::Claim("sub"))?;
        let exp = moment(&claims, "exp").ok_or(VerifyError::Claim("exp"))?;
        let iat = moment(&claims, "iat").unwrap_or(now);
        Ok(AccessTokenClaims {
            iss: self.expected.issuer.clone(),
            sub,
            aud: Audience::One(self.expected.audience.clone()),
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
