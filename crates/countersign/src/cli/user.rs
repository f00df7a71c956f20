//! `user`: accounts.

use std::io::BufRead;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use countersign_core::password::NewPassword;
use countersign_core::session::RevokedReason;
use countersign_core::store::{Store, UserChange};
use countersign_core::user::{Role, User as Account, Username};
use countersign_core::{Secret, UserId};
use countersign_token::json;
use serde_json::Value;

use super::context::Context;
use super::import::Import;
use super::{output, pages};
use crate::flows::accounts::{self, Directory, FirstPassword, NewAccount, PasswordChange};
use crate::runtime::assembly;
use crate::services::hash_pool::HashPool;
use crate::time_text;
use crate::user_body::user_body;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Creates an account. Asks for a password twice, unless an option specifies the password's source.
    Add(Add),
    /// Lists accounts.
    List,
    /// Shows an account with its claims.
    Show(Who),
    /// Disables an account and revokes its sessions.
    Disable(Who),
    /// Enables a disabled account.
    Enable(Who),
    /// Deletes an account and revokes its sessions.
    Delete(Who),
    /// Sets a user's password and revokes the user's sessions.
    SetPassword(SetPassword),
    /// Imports the accounts of another system, with the hashes of their passwords.
    Import(Import),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The name that the user signs in with.
    name: String,
    /// The user's e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// Marks the e-mail address as verified: applications may trust that it belongs to the user.
    #[arg(long, requires = "email")]
    email_verified: bool,
    /// The user's id, which becomes the `sub` of the user's tokens. Default: a new id.
    #[arg(long)]
    id: Option<UserId>,
    /// A JSON object of claims to add to the user's access tokens.
    #[arg(long, value_parser = parse_json)]
    claims: Option<Value>,
    /// The user's role in Countersign. Default: user.
    #[arg(long)]
    role: Option<RoleName>,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
pub(super) struct Who {
    /// The user's id or name. Write `id:ID` or `name:NAME` if it is the id of one user and the name of
    /// another.
    user: String,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct PasswordSource {
    /// Reads the password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Generates a password and prints it once.
    #[arg(long)]
    generate_password: bool,
    /// Generates a password that the user must replace at the next sign-in, and prints it once.
    #[arg(long)]
    temporary_password: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    User,
    Admin,
}

/// The store and the hash pool for account commands.
struct AccountTools {
    store: Arc<dyn Store>,
    hashing: HashPool,
}

impl User {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (config, store) = context.store().await?;
        let hashing = assembly::hashing(&config, &config.check()?, &context.world);
        let tools = AccountTools { store, hashing };
        match self {
            Self::Add(add) => add.run(context, &tools).await,
            Self::List => list(context, &tools).await,
            Self::Show(who) => {
                context.show(&user_body(&find(&*tools.store, &who.user).await?), "-");
                Ok(())
            }
            Self::Disable(who) => {
                let change = UserChange::Disable(context.revoked(RevokedReason::UserDisabled));
                apply(context, &tools, &who.user, change, "disabled").await
            }
            Self::Enable(who) => apply(context, &tools, &who.user, UserChange::Enable, "enabled").await,
            Self::Delete(who) => {
                let change = UserChange::Delete(context.revoked(RevokedReason::UserDeleted));
                apply(context, &tools, &who.user, change, "deleted").await
            }
            Self::SetPassword(set) => set.run(context, &tools).await,
            Self::Import(import) => import.run(context, &tools.directory(context)).await,
        }
    }
}

impl AccountTools {
    fn directory<'a>(&'a self, context: &'a Context) -> Directory<'a> {
        Directory { store: &*self.store, hashing: &self.hashing, world: &context.world, server: None }
    }
}

impl Add {
    async fn run(self, context: &Context, tools: &AccountTools) -> anyhow::Result<()> {
        let password = self.password.first()?;
        let role = self.role.map(|role| match role {
            RoleName::User => Role::User,
            RoleName::Admin => Role::Admin,
        });
        let email = self.email.map(|email| (email, self.email_verified.into()));
        let account = NewAccount {
            id: self.id,
            username: self.name,
            email,
            claims: self.claims,
            role,
            ..NewAccount::default()
        };
        let made = accounts::add(&tools.directory(context), &[], account, password).await?;
        if context.wants_json() {
            let mut shown = user_body(&made.user);
            if let Some(password) = &made.generated {
                shown["password"] = password.expose().as_str().into();
            }
            output::json(&shown);
            return Ok(());
        }
        output::line(format!("Added {} with the id {}.", made.user.username, made.user.id));
        if let Some(password) = &made.generated {
            output::line(format!("Password: {}", password.expose()));
        }
        Ok(())
    }
}

impl SetPassword {
    async fn run(self, context: &Context, tools: &AccountTools) -> anyhow::Result<()> {
        let user = find(&*tools.store, &self.who.user).await?;
        let (directory, how) = (tools.directory(context), context.revoked(RevokedReason::PasswordChanged));
        match self.password.first()? {
            FirstPassword::Chosen(text) => {
                let change = PasswordChange { user: &user, new: &text, keep: None, how };
                accounts::set_password(&directory, &[], change).await?;
            }
            FirstPassword::Temporary => {
                let text = accounts::reset_password(&directory, &[], &user.id, how).await?;
                output::line(format!("Password: {}", text.expose()));
            }
            _ => {
                let text = NewPassword::generate(&context.world);
                let change = PasswordChange { user: &user, new: &text, keep: None, how };
                accounts::set_password(&directory, &[], change).await?;
                output::line(format!("Password: {}", text.expose()));
            }
        }
        output::remark(format!(
            "The password of {} was set, and the user's sessions were revoked.",
            user.username
        ));
        Ok(())
    }
}

impl PasswordSource {
    fn first(&self) -> anyhow::Result<FirstPassword> {
        if self.generate_password {
            return Ok(FirstPassword::Generated);
        }
        if self.temporary_password {
            return Ok(FirstPassword::Temporary);
        }
        let text = if self.password_stdin {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).context("cannot read standard input")?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        } else {
            dialoguer::Password::new()
                .with_prompt("Password")
                .with_confirmation("Password again", "The passwords are different. Enter them again.")
                .interact()
                .map_err(|error| cannot_ask(error.into()))?
        };
        Ok(FirstPassword::Chosen(Secret::new(text)))
    }
}

/// The error if no password can be read. Its advice already says that there is no terminal.
fn cannot_ask(error: std::io::Error) -> anyhow::Error {
    let advice = "cannot ask for a password without a terminal: use --password-stdin or --generate-password";
    match error.kind() {
        std::io::ErrorKind::NotConnected => anyhow::anyhow!(advice),
        _ => anyhow::Error::new(error).context("cannot read a password: use --password-stdin"),
    }
}

/// Finds a user by id or name, or by one of the two with the prefix `id:` or `name:`.
///
/// The id of one user can be the name of another user, because imported users keep their ids. The function
/// then fails, so that a command does not change the wrong account.
pub(super) async fn find(store: &dyn Store, text: &str) -> anyhow::Result<Account> {
    let mut found = Vec::from_iter(by_id(store, text).await?);
    found.extend(by_name(store, text).await?);
    if let Some(id) = text.strip_prefix("id:") {
        found.extend(by_id(store, id).await?);
    }
    if let Some(name) = text.strip_prefix("name:") {
        found.extend(by_name(store, name).await?);
    }
    found.dedup_by(|one, other| one.id == other.id);
    anyhow::ensure!(
        found.len() < 2,
        "{text:?} is ambiguous: it can be {}: write id:ID or name:NAME",
        found
            .iter()
            .map(|user| format!("{} (id {})", user.username, user.id))
            .collect::<Vec<_>>()
            .join(" or ")
    );
    found.pop().with_context(|| {
        format!("no user has the id or name {text:?}: run `countersign user list` to see all users")
    })
}

async fn by_id(store: &dyn Store, text: &str) -> anyhow::Result<Option<Account>> {
    match text.parse::<UserId>() {
        Ok(id) => Ok(store.user(&id).await?),
        Err(_) => Ok(None),
    }
}

async fn by_name(store: &dyn Store, text: &str) -> anyhow::Result<Option<Account>> {
    match Username::parse(text) {
        Ok(name) => Ok(store.user_by_name(&name).await?),
        Err(_) => Ok(None),
    }
}

async fn apply(
    context: &Context,
    tools: &AccountTools,
    user: &str,
    change: UserChange,
    done: &str,
) -> anyhow::Result<()> {
    let user = find(&*tools.store, user).await?;
    accounts::change_user(&tools.directory(context), &user.id, &[], &[change]).await?;
    output::line(format!("{} ({}) was {done}.", user.username, user.id));
    Ok(())
}

async fn list(context: &Context, tools: &AccountTools) -> anyhow::Result<()> {
    let users = pages::all(async |page| tools.store.users(page).await, |user| user.id.clone()).await?;
    if context.wants_json() {
        output::json(&users.iter().map(user_body).collect());
        return Ok(());
    }
    let rows = users.iter().map(|user| {
        let state = if user.is_enabled() { "enabled" } else { "disabled" };
        let created = time_text::rfc3339(user.created_at);
        vec![user.id.to_string(), user.username.to_string(), user.role.as_str().into(), state.into(), created]
    });
    output::table(&["ID", "USERNAME", "ROLE", "STATE", "CREATED"], rows);
    Ok(())
}

fn parse_json(text: &str) -> Result<Value, String> {
    parse_exact(text).map_err(|error| format!("{error:#}"))
}

/// Parses JSON. Every number keeps its exact value.
fn parse_exact(text: &str) -> anyhow::Result<Value> {
    Ok(json::parse_exact(text.as_bytes())?)
}
