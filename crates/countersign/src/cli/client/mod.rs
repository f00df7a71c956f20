//! `client`: registered clients, such as apps that refresh sessions and APIs that introspect tokens.

mod settings;

use clap::{Args, Subcommand, ValueEnum};
use countersign_core::ClientId;
use countersign_core::client::{Client as Registered, GrantType, SecretMethod};
use countersign_core::session::RevokedReason;
use serde_json::Value;

use super::context::Context;
use super::{output, pages};
use crate::client_body::client_body;
use crate::config::{Config, Lifetime};
use crate::flows::clients::{self, Clients, ClientsError, NewClient, WithSecret};
use crate::time_text;
use settings::{Setting, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Registers a client and prints its secret, which is not shown again.
    Add(Add),
    /// Lists clients.
    List,
    /// Shows a client.
    Show(Which),
    /// Changes a client's settings. A running server uses them within five seconds.
    Update(Update),
    /// Removes a client and revokes its sessions.
    Remove(Which),
    /// Replaces a client's secret and prints the new one, which is not shown again. The old one is refused from then on.
    RotateSecret(Which),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The `client_id`: see `countersign client list`.
    id: ClientId,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The `client_id`: 1 to 64 characters of A-Z a-z 0-9 . _ : @ | -
    id: ClientId,
    /// How the client proves who it is. An app that cannot keep a secret, such as a phone app or a page, needs `none`.
    #[arg(long, value_name = "METHOD", default_value = "basic")]
    authentication: Method,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    settings: Settings,
    /// Sets a setting back to its default. Can be given several times.
    #[arg(long, value_name = "SETTING")]
    unset: Vec<Setting>,
    // Only for an error that says more than "unexpected argument".
    #[arg(long, hide = true)]
    authentication: Option<String>,
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

impl Client {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (config, store) = context.store().await?;
        let clients = Clients { store: &*store, world: &context.world, server: None };
        match self {
            Self::Add(add) => add.run(context, &config, &clients).await,
            Self::List => list(context, &clients).await,
            Self::Show(Which { id }) => {
                show(context, &clients::find(&clients, &id).await.map_err(|error| advise(error, &id))?);
                Ok(())
            }
            Self::Update(update) => update.run(context, &config, &clients).await,
            Self::Remove(Which { id }) => {
                let how = context.revoked(RevokedReason::EndedByAdmin);
                clients::remove(&clients, &id, &[], &how).await.map_err(|error| advise(error, &id))?;
                output::line(format!("The client {id} was removed, and its sessions were revoked."));
                Ok(())
            }
            Self::RotateSecret(Which { id }) => {
                let rotated = clients::rotate_secret(&clients, &id, &[]).await;
                show_once(context, &rotated.map_err(|error| advise(error, &id))?);
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self, context: &Context, config: &Config, clients: &Clients<'_>) -> anyhow::Result<()> {
        let Self { id, authentication, settings } = self;
        let method = match authentication {
            Method::Basic => Some(SecretMethod::Basic),
            Method::Post => Some(SecretMethod::Post),
            Method::None => None,
        };
        let new = NewClient { id: id.clone(), method, changes: settings.changes() };
        let made = clients::add(clients, &[], new).await.map_err(|error| advise(error, &id))?;
        show_once(context, &made);
        warn(&made.client, config);
        Ok(())
    }
}

impl Update {
    async fn run(self, context: &Context, config: &Config, clients: &Clients<'_>) -> anyhow::Result<()> {
        let Self { which: Which { id }, settings, unset, authentication } = self;
        anyhow::ensure!(
            authentication.is_none(),
            "a client's way of authentication cannot be changed: remove the client, which revokes its sessions, and \
             register it again with `countersign client add {id} --authentication …`"
        );
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
        warn(&client, config);
        Ok(())
    }
}

/// What to do about an error, with the client's id.
fn advise(error: ClientsError, id: &ClientId) -> anyhow::Error {
    match error {
        ClientsError::IdTaken if id.is_reserved() => built_in(id),
        ClientsError::NoSuchClient if id.is_reserved() => built_in(id),
        ClientsError::IdTaken => {
            anyhow::anyhow!("the id {id} is taken: no client may have the id of another, or of a user")
        }
        ClientsError::NoSuchClient => unknown(id),
        ClientsError::NoSecret => anyhow::anyhow!("the client {id} has no secret"),
        ClientsError::Outdated => anyhow::anyhow!(
            "the client {id} was changed or removed by another command at this moment: run this command again"
        ),
        error @ (ClientsError::Settings(_) | ClientsError::Unavailable(_)) => error.into(),
    }
}

/// The error for a client that is not registered.
pub(super) fn unknown(id: &ClientId) -> anyhow::Error {
    anyhow::anyhow!("no client has the id {id}: run `countersign client list` to see all clients")
}

fn built_in(id: &ClientId) -> anyhow::Error {
    anyhow::anyhow!(
        "{id} is a client of this server itself and is not registered: the lifetimes of its sessions are \
         `access_token.lifetime` and `refresh_token.*` in the configuration"
    )
}

/// Prints a warning to standard error for each setting that has another effect than it seems to have.
fn warn(client: &Registered, config: &Config) {
    let settings = &client.settings;
    let longest = config.access_token.lifetime;
    if settings.access_token_lifetime.is_some_and(|lifetime| lifetime > longest.duration()) {
        output::remark(format!(
            "warning: the access token lifetime has no effect, because it is longer than `access_token.lifetime` \
             ({longest}), and the server uses the shorter one"
        ));
    }
    let absolute = config.refresh_token.absolute_lifetime;
    let is_cut = settings.idle_lifetime.is_some_and(|lifetime| lifetime > absolute.duration());
    if is_cut && settings.absolute_lifetime.is_none() {
        output::remark(format!(
            "warning: the idle lifetime is longer than `refresh_token.absolute_lifetime` ({absolute}), when every session \
             ends: set `--absolute-lifetime` too"
        ));
    }
    if !settings.allows_grant(GrantType::RefreshToken) {
        output::remark(format!(
            "warning: no session can be opened or refreshed for {}, because its grants do not contain `refresh_token`",
            client.id
        ));
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

fn show(context: &Context, client: &Registered) {
    let mut body = client_body(client);
    if !context.wants_json() {
        show_durations(&mut body);
    }
    context.show(&body, "default");
}

/// Replaces numbers of seconds by texts such as `5m`.
fn show_durations(body: &mut Value) {
    for name in ["access_token_lifetime", "idle_lifetime", "absolute_lifetime", "grace"] {
        if let Some(seconds) = body[name].as_u64() {
            body[name] = Lifetime::seconds(seconds).to_string().into();
        }
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
