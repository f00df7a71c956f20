//! The settings of a client: what it may request, and the lifetimes of its sessions.

use std::time::Duration;

use countersign_token::{Scope, TokenType};

use super::GrantType;
use super::redirect_uri::{MAX_REDIRECT_URI, is_redirect_uri};
use crate::folding::is_unseen;
use crate::issuer::{ACCOUNT_SCOPE, ADMIN_SCOPE};
use crate::refresh::{LateRetry, RefreshPolicy};

/// The longest name, in characters.
const MAX_NAME: usize = 100;

/// The most redirect URIs, and the most audiences.
const MAX_LIST: usize = 16;

/// The longest audience, in bytes.
const MAX_AUDIENCE: usize = 256;

/// The longest lifetime of an access token, as for the whole server: verifiers remember revocations for that long.
const MAX_ACCESS_TOKEN: Duration = Duration::from_secs(86_400);

/// The longest lifetime of a session, as for the whole server: ten years.
const MAX_SESSION: Duration = Duration::from_secs(3660 * 86_400);

/// The longest grace, as for the whole server: during the grace a stolen spent token still gets its successor.
const MAX_GRACE: Duration = Duration::from_secs(300);

/// The settings of a client. A lifetime or policy that is `None` is the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// The name for people. Empty: the id is shown.
    pub name: String,
    /// Where an authorization response may be sent. Compared as text (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// The grants that it may use.
    pub grants: Vec<GrantType>,
    /// The scopes that it may have; `None`: every scope except those of this server's own routes.
    pub scope: Option<Scope>,
    /// The audiences whose tokens it may introspect.
    pub audiences: Vec<String>,
    /// The lifetime of an access token, at most the server's.
    pub access_token_lifetime: Option<Duration>,
    /// The `typ` of its access tokens.
    pub access_token_type: Option<TokenType>,
    /// A session expires if it is not refreshed for this long.
    pub idle_lifetime: Option<Duration>,
    /// A session expires after this time, even if it is refreshed.
    pub absolute_lifetime: Option<Duration>,
    /// For this long, a spent refresh token still gets its successor.
    pub grace: Option<Duration>,
    /// How the server treats a spent token after the grace period.
    pub late_retry: Option<LateRetry>,
}

/// Why settings are not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    #[error("a client's name has at most {MAX_NAME} characters, all of them visible")]
    Name,
    #[error(
        "redirect URI number {0} is not allowed: use https, http with a loopback address, or a scheme of your own that contains a dot, \
         without a fragment, in at most {MAX_REDIRECT_URI} bytes"
    )]
    RedirectUri(usize),
    #[error("a client has at most {MAX_LIST} redirect URIs")]
    TooManyRedirectUris,
    #[error("a client has at least one grant, and each grant once")]
    Grants,
    #[error("the scopes `{ACCOUNT_SCOPE}` and `{ADMIN_SCOPE}` are for this server's own app")]
    OwnScope,
    #[error("the scopes of a client are separated by spaces, and have no commas")]
    ScopeComma,
    #[error(
        "an audience has 1 to {MAX_AUDIENCE} visible characters, and a client at most {MAX_LIST} of them"
    )]
    Audience,
    #[error("a public client has no audiences: it has no secret, so it cannot introspect tokens")]
    PublicAudience,
    #[error("a client's access tokens live between 1 second and 1 day")]
    AccessTokenLifetime,
    #[error("the type of a client's access tokens is `at+jwt` or `JWT`")]
    AccessTokenType,
    #[error(
        "a client's sessions live between 1 second and ten years, and their absolute lifetime is not shorter than their idle lifetime"
    )]
    SessionLifetime,
    #[error("a client's grace is between 0 seconds (never) and 5 minutes")]
    Grace,
}

/// One change of a client's settings.
#[derive(Debug, Clone)]
pub enum ClientChange {
    Name(String),
    RedirectUris(Vec<String>),
    Grants(Vec<GrantType>),
    Scope(Option<Scope>),
    Audiences(Vec<String>),
    AccessTokenLifetime(Option<Duration>),
    AccessTokenType(Option<TokenType>),
    IdleLifetime(Option<Duration>),
    AbsoluteLifetime(Option<Duration>),
    Grace(Option<Duration>),
    LateRetry(Option<LateRetry>),
}

/// A client that may refresh its sessions, with the server's lifetimes and policies.
impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            redirect_uris: Vec::new(),
            grants: vec![GrantType::RefreshToken],
            scope: None,
            audiences: Vec::new(),
            access_token_lifetime: None,
            access_token_type: None,
            idle_lifetime: None,
            absolute_lifetime: None,
            grace: None,
            late_retry: None,
        }
    }
}

impl ClientSettings {
    /// The settings after `changes`.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for the first setting that is not acceptable then.
    pub(super) fn with(&self, changes: &[ClientChange]) -> Result<Self, SettingsError> {
        let mut settings = self.clone();
        for change in changes.iter().cloned() {
            match change {
                ClientChange::Name(name) => settings.name = name,
                ClientChange::RedirectUris(uris) => settings.redirect_uris = uris,
                ClientChange::Grants(grants) => settings.grants = grants,
                ClientChange::Scope(scope) => settings.scope = scope,
                ClientChange::Audiences(audiences) => settings.audiences = audiences,
                ClientChange::AccessTokenLifetime(lifetime) => settings.access_token_lifetime = lifetime,
                ClientChange::AccessTokenType(token_type) => settings.access_token_type = token_type,
                ClientChange::IdleLifetime(lifetime) => settings.idle_lifetime = lifetime,
                ClientChange::AbsoluteLifetime(lifetime) => settings.absolute_lifetime = lifetime,
                ClientChange::Grace(grace) => settings.grace = grace,
                ClientChange::LateRetry(late_retry) => settings.late_retry = late_retry,
            }
        }
        settings.check()?;
        Ok(settings)
    }

    /// The refresh policy of the client's sessions, on a server with this one.
    pub fn policy(&self, server: &RefreshPolicy) -> RefreshPolicy {
        let absolute_lifetime = self.absolute_lifetime.unwrap_or(server.absolute_lifetime);
        RefreshPolicy {
            grace: self.grace.unwrap_or(server.grace),
            late_retry: self.late_retry.unwrap_or(server.late_retry),
            // One of the two may be the server's, which can be longer than the client's absolute lifetime.
            idle_lifetime: self.idle_lifetime.unwrap_or(server.idle_lifetime).min(absolute_lifetime),
            absolute_lifetime,
        }
    }

    pub fn allows_grant(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether the client may have a scope. Only this server's own app may have the scopes of its routes.
    pub fn allows_scope(&self, scope: &Scope) -> bool {
        !is_own(scope) && self.scope.as_ref().is_none_or(|allowed| scope.is_subset_of(allowed))
    }

    fn check(&self) -> Result<(), SettingsError> {
        if self.name.chars().count() > MAX_NAME || self.name.chars().any(is_unseen) {
            return Err(SettingsError::Name);
        }
        if self.redirect_uris.len() > MAX_LIST {
            return Err(SettingsError::TooManyRedirectUris);
        }
        if let Some(bad) = self.redirect_uris.iter().position(|uri| !is_redirect_uri(uri)) {
            return Err(SettingsError::RedirectUri(bad + 1));
        }
        let is_repeated = |(index, grant)| self.grants[..index].contains(grant);
        if self.grants.is_empty() || self.grants.iter().enumerate().any(is_repeated) {
            return Err(SettingsError::Grants);
        }
        if self.scope.as_ref().is_some_and(is_own) {
            return Err(SettingsError::OwnScope);
        }
        // RFC 6749 §3.3 allows a comma in a name. Here it usually separates names by mistake.
        if self.scope.as_ref().is_some_and(|scope| scope.as_str().contains(',')) {
            return Err(SettingsError::ScopeComma);
        }
        if self.audiences.len() > MAX_LIST || !self.audiences.iter().all(|text| is_audience(text)) {
            return Err(SettingsError::Audience);
        }
        if self.access_token_type.is_some_and(|chosen| !TokenType::OF_ACCESS_TOKENS.contains(&chosen)) {
            return Err(SettingsError::AccessTokenType);
        }
        self.check_lifetimes()
    }

    fn check_lifetimes(&self) -> Result<(), SettingsError> {
        let is_lifetime =
            |lifetime: Duration| (Duration::from_secs(1)..=MAX_ACCESS_TOKEN).contains(&lifetime);
        if !self.access_token_lifetime.is_none_or(is_lifetime) {
            return Err(SettingsError::AccessTokenLifetime);
        }
        let is_ordered =
            self.idle_lifetime.zip(self.absolute_lifetime).is_none_or(|(idle, absolute)| idle <= absolute);
        let is_session = |lifetime: Duration| (Duration::from_secs(1)..=MAX_SESSION).contains(&lifetime);
        let lifetimes = [self.idle_lifetime, self.absolute_lifetime];
        if !lifetimes.into_iter().flatten().all(is_session) || !is_ordered {
            return Err(SettingsError::SessionLifetime);
        }
        if self.grace.is_some_and(|grace| grace > MAX_GRACE) {
            return Err(SettingsError::Grace);
        }
        Ok(())
    }
}

impl ClientChange {
    pub(super) fn adds_audiences(&self) -> bool {
        matches!(self, Self::Audiences(audiences) if !audiences.is_empty())
    }

    /// The name of the setting, for the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::RedirectUris(_) => "redirect_uris",
            Self::Grants(_) => "grants",
            Self::Scope(_) => "scope",
            Self::Audiences(_) => "audiences",
            Self::AccessTokenLifetime(_) => "access_token_lifetime",
            Self::AccessTokenType(_) => "access_token_type",
            Self::IdleLifetime(_) => "idle_lifetime",
            Self::AbsoluteLifetime(_) => "absolute_lifetime",
            Self::Grace(_) => "grace",
            Self::LateRetry(_) => "late_retry",
        }
    }
}

fn is_own(scope: &Scope) -> bool {
    [ACCOUNT_SCOPE, ADMIN_SCOPE].iter().any(|own| scope.contains(own))
}

fn is_audience(text: &str) -> bool {
    (1..=MAX_AUDIENCE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: ClientChange) -> Result<ClientSettings, SettingsError> {
        ClientSettings::default().with(&[change])
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn audiences_are_few_and_visible() {
        assert!(with(ClientChange::Audiences(texts(&["https://api.example", "shop"]))).is_ok());
        for bad in ["", "a b", "é", &"a".repeat(257)] {
            assert_eq!(with(ClientChange::Audiences(texts(&[bad]))), Err(SettingsError::Audience), "{bad:?}");
        }
        let many = vec!["a".to_owned(); MAX_LIST + 1];
        assert_eq!(with(ClientChange::Audiences(many)), Err(SettingsError::Audience));
    }

    #[test]
    fn lifetimes_fit_together() {
        let seconds = Duration::from_secs;
        let lifetimes = |idle, absolute| {
            ClientSettings::default().with(&[
                ClientChange::IdleLifetime(Some(seconds(idle))),
                ClientChange::AbsoluteLifetime(Some(seconds(absolute))),
            ])
        };
        assert!(lifetimes(60, 60).is_ok());
        assert_eq!(lifetimes(61, 60), Err(SettingsError::SessionLifetime));
        assert_eq!(lifetimes(0, 60), Err(SettingsError::SessionLifetime));
        assert_eq!(lifetimes(60, u64::MAX), Err(SettingsError::SessionLifetime));
        for lifetime in [0, 86_401] {
            let refused = with(ClientChange::AccessTokenLifetime(Some(seconds(lifetime))));
            assert_eq!(refused, Err(SettingsError::AccessTokenLifetime));
        }
        assert_eq!(with(ClientChange::Grace(Some(seconds(301)))), Err(SettingsError::Grace));
    }

    #[test]
    fn the_servers_policy_fills_in_what_a_client_does_not_set() {
        let server = RefreshPolicy {
            grace: Duration::from_secs(10),
            late_retry: LateRetry::Revoke,
            idle_lifetime: Duration::from_secs(1000),
            absolute_lifetime: Duration::from_secs(5000),
        };
        assert_eq!(ClientSettings::default().policy(&server), server);
        let short =
            with(ClientChange::AbsoluteLifetime(Some(Duration::from_secs(100)))).unwrap().policy(&server);
        assert_eq!(short.idle_lifetime, Duration::from_secs(100), "idle is never longer than absolute");
        let native = with(ClientChange::LateRetry(Some(LateRetry::Recover))).unwrap().policy(&server);
        assert_eq!(native, RefreshPolicy { late_retry: LateRetry::Recover, ..server });
    }

    #[test]
    fn a_client_has_the_scopes_that_it_is_registered_for_and_never_those_of_this_servers_own_app() {
        let scope = |text: &str| Scope::parse(text).unwrap();
        let any = ClientSettings::default();
        assert!(any.allows_scope(&scope("orders:read")) && !any.allows_scope(&scope(ADMIN_SCOPE)));
        let some = with(ClientChange::Scope(Some(scope("orders:read orders:write")))).unwrap();
        assert!(some.allows_scope(&scope("orders:read")) && !some.allows_scope(&scope("invoices")));
        let none = with(ClientChange::Scope(Some(scope("")))).unwrap();
        assert!(none.allows_scope(&scope("")) && !none.allows_scope(&scope("orders:read")));
        assert_eq!(with(ClientChange::Scope(Some(scope(ACCOUNT_SCOPE)))), Err(SettingsError::OwnScope));
        let comma = scope("orders:read,orders:write");
        assert_eq!(with(ClientChange::Scope(Some(comma))), Err(SettingsError::ScopeComma));
    }
}
