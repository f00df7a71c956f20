//! `client`: registered clients, such as resource servers that introspect.

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use countersign_core::client::{
    self, Client as Registered, ClientAuthentication, ClientSecretHash, SecretMethod,
};
use countersign_core::session::RevokedReason;
use countersign_core::store::{Added, Store};
use countersign_core::{ClientId, Secret};
use serde_json::{Value, json};

use super::context::Context;
use super::{output, pages};
use crate::time_text;

#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Registers a client, and shows its secret this once.
    Add(Add),
    /// Lists clients.
    List,
    /// Shows a client.
    Show { id: ClientId },
    /// Removes a client and ends its sessions.
    Remove { id: ClientId },
    /// Gives a client another secret, which is shown this once; the old one is refused from then on.
    RotateSecret { id: ClientId },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its `client_id`: 1 to 64 characters of A-Z a-z 0-9 . _ : @ | -
    id: ClientId,
    /// An audience whose tokens it may look at; may be given several times.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// How it proves who it is.
    #[arg(long, value_name = "METHOD", default_value = "basic")]
    authentication: Method,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    /// With a secret in the Authorization header (`client_secret_basic`).
    Basic,
    /// With a secret in the body (`client_secret_post`).
    Post,
    /// Not at all: software on users' devices, which can only take back tokens of its own.
    None,
}

impl Client {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (_, store) = context.store().await?;
        let store = &*store;
        match self {
            Self::Add(add) => add.run(context, store).await,
            Self::List => list(context, store).await,
            Self::Show { id } => {
                output::json(&body(&find(store, &id).await?));
                Ok(())
            }
            Self::Remove { id } => {
                let removed = store.remove_client(&id, &context.revoked(RevokedReason::EndedByAdmin)).await?;
                anyhow::ensure!(removed, no_such(&id));
                tracing::info!(client = %id, "a client was removed");
                output::line(format!("The client {id} was removed, and its sessions were revoked."));
                Ok(())
            }
            Self::RotateSecret { id } => rotate_secret(context, store, &id).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context, store: &dyn Store) -> anyhow::Result<()> {
        let id = self.id;
        let taken = || format!("the id {id} is taken: no client may have the id of another, or of a user");
        anyhow::ensure!(!id.is_reserved(), taken());
        let (authentication, secret) = match self.authentication {
            Method::None => (ClientAuthentication::None, None),
            Method::Basic => with_secret(context, SecretMethod::Basic),
            Method::Post => with_secret(context, SecretMethod::Post),
        };
        anyhow::ensure!(
            secret.is_none() || !self.audience.is_empty(),
            "`--audience` is missing: whose tokens {id} may look at, such as `--audience https://id.example.com`; \
             tokens are for `access_token.audience`, or for the issuer where that is unset"
        );
        let audiences = client::check_audiences(self.audience)?;
        let client =
            Registered { id: id.clone(), authentication, audiences, created_at: context.world.now() };
        anyhow::ensure!(store.add_client(&client).await? == Added::Added, taken());
        tracing::info!(client = %id, "a client was registered");
        show_once(context, &client, secret.as_ref());
        Ok(())
    }
}

async fn rotate_secret(context: &Context, store: &dyn Store, id: &ClientId) -> anyhow::Result<()> {
    let mut client = find(store, id).await?;
    let ClientAuthentication::Secret(method, _) = client.authentication else {
        anyhow::bail!("the client {id} has no secret");
    };
    let (authentication, secret) = with_secret(context, method);
    let replaced = store.replace_client_authentication(id, &client.authentication, &authentication).await?;
    anyhow::ensure!(
        replaced,
        "the client {id} was changed or removed by another command at this moment: run this command again"
    );
    client.authentication = authentication;
    tracing::info!(client = %id, "a client's secret was replaced");
    show_once(context, &client, secret.as_ref());
    Ok(())
}

fn with_secret(context: &Context, method: SecretMethod) -> (ClientAuthentication, Option<Secret<String>>) {
    let (secret, hash) = ClientSecretHash::generate(&context.world);
    (ClientAuthentication::Secret(method, hash), Some(secret))
}

/// A secret goes to standard output, where a script can take it from; nothing keeps it.
fn show_once(context: &Context, client: &Registered, secret: Option<&Secret<String>>) {
    if context.wants_json() {
        let mut shown = body(client);
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

async fn list(context: &Context, store: &dyn Store) -> anyhow::Result<()> {
    let clients = pages::all(async |page| store.clients(page).await, |client| client.id.clone()).await?;
    if context.wants_json() {
        output::json(&Value::Array(clients.iter().map(body).collect()));
        return Ok(());
    }
    let rows = clients.iter().map(|client| {
        let Registered { id, authentication, audiences, created_at } = client;
        vec![
            id.to_string(),
            authentication.as_str().to_owned(),
            audiences.join(" "),
            time_text::rfc3339(*created_at),
        ]
    });
    output::table(&["ID", "AUTHENTICATION", "AUDIENCES", "REGISTERED"], rows);
    Ok(())
}

async fn find(store: &dyn Store, id: &ClientId) -> anyhow::Result<Registered> {
    store.client(id).await?.with_context(|| no_such(id))
}

fn no_such(id: &ClientId) -> String {
    format!("there is no client {id}: see `countersign client list`")
}

fn body(client: &Registered) -> Value {
    json!({
        "client_id": client.id.as_str(),
        "token_endpoint_auth_method": client.authentication.as_str(),
        "audiences": client.audiences,
        "created_at": time_text::rfc3339(client.created_at),
    })
}
