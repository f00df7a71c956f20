//! `client`: registered clients, such as apps that refresh sessions and APIs that introspect tokens.

use clap::{Args, Subcommand, ValueEnum};
use countersign_core::ClientId;
use countersign_core::client::{Client as Registered, ClientChange, GrantType, SecretMethod};
use countersign_core::refresh::LateRetry;
use countersign_core::session::RevokedReason;
use countersign_token::Scope;
use serde_json::Value;

use super::context::Context;
use super::{output, pages};
use crate::client_body::client_body;
use crate::config::Lifetime;
use crate::flows::clients::{self, Clients, ClientsError, NewClient, WithSecret};
use crate::time_text;

#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Register a client and print its secret, which is not shown again.
    Add(Add),
    /// List clients.
    List,
    /// Show a client.
    Show { id: ClientId },
    /// Change a client's settings. A running server uses them within five seconds.
    Update(Update),
    /// Remove a client and revoke its sessions.
    Remove { id: ClientId },
    /// Replace a client's secret and print the new one, which is not shown again. The old one is refused from then on.
    RotateSecret { id: ClientId },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The `client_id`: 1 to 64 characters of A-Z a-z 0-9 . _ : @ | -
    id: ClientId,
    /// How the client proves who it is.
    #[arg(long, value_name = "METHOD", default_value = "basic")]
    authentication: Method,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    id: ClientId,
    #[command(flatten)]
    settings: Settings,
    /// Set a setting back to its default. Can be given several times.
    #[arg(long, value_name = "SETTING")]
    unset: Vec<Setting>,
}

/// Settings of a client.
#[derive(Debug, Args)]
struct Settings {
    /// The name that people see.
    #[arg(long)]
    name: Option<String>,
    /// A URI that an authorization response may be sent to. Can be given several times.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// A grant that the client may use. Can be given several times. Default: refresh_token.
    #[arg(long, value_name = "GRANT", value_parser = parse_grant)]
    grant: Vec<GrantType>,
    /// The scopes that the client may have, separated by spaces. Default: all except this server's own.
    #[arg(long, value_parser = parse_scope)]
    scope: Option<Scope>,
    /// An audience whose tokens the client may introspect. Can be given several times.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// How long the client's access tokens live, such as 5m. At most `access_token.lifetime`, which is the default.
    #[arg(long, value_name = "DURATION")]
    access_token_lifetime: Option<Lifetime>,
    /// How long a session lives without a refresh, such as 7d. Default: `refresh_token.idle_lifetime`.
    #[arg(long, value_name = "DURATION")]
    idle_lifetime: Option<Lifetime>,
    /// How long a session lives at most, such as 90d. Default: `refresh_token.absolute_lifetime`.
    #[arg(long, value_name = "DURATION")]
    absolute_lifetime: Option<Lifetime>,
    /// How long a spent refresh token still gets its successor, such as 10s. Default: `refresh_token.grace`.
    #[arg(long, value_name = "DURATION")]
    grace: Option<Lifetime>,
    /// What a retry after the grace means: `revoke` (theft) or `recover` (a lost response). Default:
    /// `refresh_token.late_retry`.
    #[arg(long, value_name = "POLICY", value_parser = parse_late_retry)]
    late_retry: Option<LateRetry>,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    /// With a secret in the Authorization header (`client_secret_basic`).
    Basic,
    /// With a secret in the body (`client_secret_post`).
    Post,
    /// It does not: a public client, software on users' devices.
    None,
}

/// A setting that has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Setting {
    Name,
    RedirectUri,
    Grant,
    Scope,
    Audience,
    AccessTokenLifetime,
    IdleLifetime,
    AbsoluteLifetime,
    Grace,
    LateRetry,
}

impl Client {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (_, store) = context.store().await?;
        let clients = Clients { store: &*store, world: &context.world, registry: None };
        match self {
            Self::Add(add) => add.run(context, &clients).await,
            Self::List => list(context, &clients).await,
            Self::Show { id } => {
                let client = clients::find(&clients, &id).await.map_err(|error| advise(error, &id))?;
                output::json(&client_body(&client));
                Ok(())
            }
            Self::Update(update) => update.run(context, &clients).await,
            Self::Remove { id } => {
                let how = context.revoked(RevokedReason::EndedByAdmin);
                clients::remove(&clients, &id, &[], &how).await.map_err(|error| advise(error, &id))?;
                output::line(format!("The client {id} was removed, and its sessions were revoked."));
                Ok(())
            }
            Self::RotateSecret { id } => {
                let rotated = clients::rotate_secret(&clients, &id, &[]).await;
                show_once(context, &rotated.map_err(|error| advise(error, &id))?);
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self, context: &Context, clients: &Clients<'_>) -> anyhow::Result<()> {
        let Self { id, authentication, settings } = self;
        let method = match authentication {
            Method::Basic => Some(SecretMethod::Basic),
            Method::Post => Some(SecretMethod::Post),
            Method::None => None,
        };
        let introspects_only = settings.grant.is_empty() && settings.redirect_uri.is_empty();
        anyhow::ensure!(
            method.is_none() || !settings.audience.is_empty() || !introspects_only,
            "`--audience` is missing: it names whose tokens {id} may introspect, such as \
             `--audience https://id.example.com`; tokens are for `access_token.audience`, or for the issuer if that is \
             unset. A client that only refreshes sessions has `--grant refresh_token` instead"
        );
        let new = NewClient { id: id.clone(), method, changes: settings.changes() };
        let made = clients::add(clients, &[], new).await.map_err(|error| advise(error, &id))?;
        show_once(context, &made);
        Ok(())
    }
}

impl Update {
    async fn run(self, context: &Context, clients: &Clients<'_>) -> anyhow::Result<()> {
        let Self { id, settings, unset } = self;
        let mut changes = settings.changes();
        let is_both =
            |setting: &&Setting| changes.iter().any(|change| change.as_str() == setting.default().as_str());
        if let Some(setting) = unset.iter().find(is_both) {
            anyhow::bail!("`{}` is set and unset in one command: leave one out", setting.default().as_str());
        }
        changes.extend(unset.iter().map(|setting| setting.default()));
        anyhow::ensure!(
            !changes.is_empty(),
            "name at least one setting to change: see `countersign client update --help`"
        );
        let client =
            clients::change(clients, &id, &[], &changes).await.map_err(|error| advise(error, &id))?;
        if context.wants_json() {
            output::json(&client_body(&client));
        } else {
            output::line(format!(
                "The client {id} was changed. A running server uses it within five seconds."
            ));
        }
        Ok(())
    }
}

impl Settings {
    fn changes(self) -> Vec<ClientChange> {
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
    fn default(self) -> ClientChange {
        match self {
            Self::Name => ClientChange::Name(String::new()),
            Self::RedirectUri => ClientChange::RedirectUris(Vec::new()),
            Self::Grant => ClientChange::Grants(vec![GrantType::RefreshToken]),
            Self::Scope => ClientChange::Scope(None),
            Self::Audience => ClientChange::Audiences(Vec::new()),
            Self::AccessTokenLifetime => ClientChange::AccessTokenLifetime(None),
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

fn parse_late_retry(name: &str) -> Result<LateRetry, String> {
    LateRetry::from_name(name).ok_or_else(|| "unknown policy: use `revoke` or `recover`".to_owned())
}

/// What to do about an error, with the client's id.
fn advise(error: ClientsError, id: &ClientId) -> anyhow::Error {
    match error {
        ClientsError::IdTaken => {
            anyhow::anyhow!("the id {id} is taken: no client may have the id of another, or of a user")
        }
        ClientsError::NoSuchClient => {
            anyhow::anyhow!("there is no client {id}: see `countersign client list`")
        }
        ClientsError::NoSecret => anyhow::anyhow!("the client {id} has no secret"),
        ClientsError::Outdated => anyhow::anyhow!(
            "the client {id} was changed or removed by another command at this moment: run this command again"
        ),
        error @ (ClientsError::Settings(_) | ClientsError::Unavailable(_)) => error.into(),
    }
}

/// Prints a secret to standard output, where a script can read it. It is kept nowhere.
fn show_once(context: &Context, made: &WithSecret) {
    let WithSecret { client, secret } = made;
    if context.wants_json() {
        let mut shown = client_body(client);
        if let Some(secret) = secret {
            shown["client_secret"] = secret.expose().as_str().into();
        }
        output::json(&shown);
        return;
    }
    output::line(format!("client_id      {}", client.id));
    output::line(format!("authentication {}", client.authentication.as_str()));
    if let Some(secret) = secret {
        output::line(format!("client_secret  {}", secret.expose()));
        output::line("The secret is not shown again: keep it where the client reads it.");
    }
}

async fn list(context: &Context, clients: &Clients<'_>) -> anyhow::Result<()> {
    let found =
        pages::all(async |page| clients.store.clients(page).await, |client| client.id.clone()).await?;
    if context.wants_json() {
        output::json(&Value::Array(found.iter().map(client_body).collect()));
        return Ok(());
    }
    let rows = found.iter().map(|client| {
        let Registered { id, authentication, settings, created_at } = client;
        vec![
            id.to_string(),
            authentication.as_str().to_owned(),
            settings.audiences.join(" "),
            time_text::rfc3339(*created_at),
        ]
    });
    output::table(&["ID", "AUTHENTICATION", "AUDIENCES", "REGISTERED"], rows);
    Ok(())
}
