//! The settings of a client as options of `client add` and `client update`.

use clap::{Args, ValueEnum};
use countersign_core::client::{ClientChange, GrantType};
use countersign_core::refresh::LateRetry;
use countersign_token::{Scope, TokenType};

use crate::config::Lifetime;

/// Settings of a client.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// The name that people see.
    #[arg(long)]
    name: Option<String>,
    /// A URI that an authorization response may be sent to. Can be given several times. No route uses it yet.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// A grant that the client may use. Can be given several times. Default: refresh_token.
    #[arg(long, value_name = "GRANT", value_parser = parse_grant)]
    grant: Vec<GrantType>,
    /// The scopes that the client may have, separated by spaces; "" means none. Default: all except this server's own.
    #[arg(long, value_parser = parse_scope)]
    scope: Option<Scope>,
    /// An audience whose tokens a client with a secret may introspect, such as your issuer. Can be given several times.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// How long the client's access tokens live, such as 5m. At most `access_token.lifetime`, which is the default.
    #[arg(long, value_name = "DURATION")]
    access_token_lifetime: Option<Lifetime>,
    /// The `typ` of the client's access tokens: `at+jwt`, or `JWT` for APIs that accept nothing else. Default:
    /// `access_token.type`.
    #[arg(long, value_name = "TYPE", value_parser = parse_token_type)]
    access_token_type: Option<TokenType>,
    /// How long a session lives without a refresh, such as 7d. Default: `refresh_token.idle_lifetime`.
    #[arg(long, value_name = "DURATION")]
    idle_lifetime: Option<Lifetime>,
    /// How long a session lives at most, such as 90d, even if it is refreshed. Default: `refresh_token.absolute_lifetime`.
    #[arg(long, value_name = "DURATION")]
    absolute_lifetime: Option<Lifetime>,
    /// How long a spent refresh token still gets its successor, such as 10s. At most 5m; `0s`: never. Default:
    /// `refresh_token.grace`.
    #[arg(long, value_name = "DURATION", value_parser = parse_grace)]
    grace: Option<Lifetime>,
    /// What a retry after the grace means: `revoke` (theft) or `recover` (a lost response). Default:
    /// `refresh_token.late_retry`.
    #[arg(long, value_name = "POLICY", value_parser = parse_late_retry)]
    late_retry: Option<LateRetry>,
}

/// A setting that has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Setting {
    Name,
    RedirectUri,
    Grant,
    Scope,
    Audience,
    AccessTokenLifetime,
    AccessTokenType,
    IdleLifetime,
    AbsoluteLifetime,
    Grace,
    LateRetry,
}

impl Settings {
    pub(super) fn changes(self) -> Vec<ClientChange> {
        let duration = |lifetime: Option<Lifetime>| lifetime.map(|lifetime| Some(lifetime.duration()));
        let some = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
        let grants = (!self.grant.is_empty()).then_some(self.grant);
        let changes = [
            self.name.map(ClientChange::Name),
            some(self.redirect_uri).map(ClientChange::RedirectUris),
            grants.map(ClientChange::Grants),
            self.scope.map(|scope| ClientChange::Scope(Some(scope))),
            some(self.audience).map(ClientChange::Audiences),
            duration(self.access_token_lifetime).map(ClientChange::AccessTokenLifetime),
            self.access_token_type.map(|chosen| ClientChange::AccessTokenType(Some(chosen))),
            duration(self.idle_lifetime).map(ClientChange::IdleLifetime),
            duration(self.absolute_lifetime).map(ClientChange::AbsoluteLifetime),
            duration(self.grace).map(ClientChange::Grace),
            self.late_retry.map(|late_retry| ClientChange::LateRetry(Some(late_retry))),
        ];
        changes.into_iter().flatten().collect()
    }
}

impl Setting {
    /// The change that sets it back.
    pub(super) fn default(self) -> ClientChange {
        match self {
            Self::Name => ClientChange::Name(String::new()),
            Self::RedirectUri => ClientChange::RedirectUris(Vec::new()),
            Self::Grant => ClientChange::Grants(vec![GrantType::RefreshToken]),
            Self::Scope => ClientChange::Scope(None),
            Self::Audience => ClientChange::Audiences(Vec::new()),
            Self::AccessTokenLifetime => ClientChange::AccessTokenLifetime(None),
            Self::AccessTokenType => ClientChange::AccessTokenType(None),
            Self::IdleLifetime => ClientChange::IdleLifetime(None),
            Self::AbsoluteLifetime => ClientChange::AbsoluteLifetime(None),
            Self::Grace => ClientChange::Grace(None),
            Self::LateRetry => ClientChange::LateRetry(None),
        }
    }
}

fn parse_grant(name: &str) -> Result<GrantType, String> {
    let names = GrantType::ALL.map(GrantType::as_str).join(", ");
    GrantType::from_name(name).ok_or_else(|| format!("unknown grant: use one of {names}"))
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).map_err(|_| "a scope has names separated by single spaces".to_owned())
}

fn parse_token_type(name: &str) -> Result<TokenType, String> {
    TokenType::from_name(name).ok_or_else(|| "unknown type: use `at+jwt` or `JWT`".to_owned())
}

fn parse_late_retry(name: &str) -> Result<LateRetry, String> {
    LateRetry::from_name(name).ok_or_else(|| "unknown policy: use `revoke` or `recover`".to_owned())
}

fn parse_grace(text: &str) -> Result<Lifetime, String> {
    text.parse().map_err(|_| "use a duration between `0s` (never) and `5m`, such as `10s`".to_owned())
}
