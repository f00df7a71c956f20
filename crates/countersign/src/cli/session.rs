//! `session`: lists, shows, explains and revokes sessions.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_core::session::{RevokedReason, SessionWithUser, Whose};
use countersign_core::store::{Page, Store};
use countersign_core::{ClientId, SessionId, story};
use serde_json::{Value, json};

use super::context::Context;
use super::{client, output, pages, user};
use crate::session_body::admin_session_body;
use crate::time_text;

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// Lists live sessions.
    List(List),
    /// Shows a session.
    Show {
        /// The session's id.
        id: SessionId,
    },
    /// Explains in sentences what happened to a session.
    Explain {
        /// The session's id.
        id: SessionId,
    },
    /// Revokes one session, or all sessions of a user, of a client or of the server.
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only the sessions of this user: an id or a name (`id:ID` or `name:NAME` if both exist).
    #[arg(long)]
    user: Option<String>,
    /// Only the sessions of this client.
    #[arg(long, conflicts_with = "user")]
    client: Option<ClientId>,
    /// Also lists sessions that have ended and are not deleted yet.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Revoke {
    /// The id of one session.
    id: Option<SessionId>,
    /// All sessions of this user: an id or a name (`id:ID` or `name:NAME` if both exist).
    #[arg(long)]
    user: Option<String>,
    /// All sessions of this client.
    #[arg(long)]
    client: Option<ClientId>,
    /// All sessions.
    #[arg(long)]
    all: bool,
}

impl Session {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (_, store) = context.store().await?;
        let store = &*store;
        match self {
            Self::List(list) => list.run(context, store).await,
            Self::Show { id } => {
                context.show(&admin_session_body(&find(store, id).await?, context.world.now()), "-");
                Ok(())
            }
            Self::Explain { id } => {
                let story = story::tell(&find(store, id).await?, context.world.now(), time_text::spoken);
                if context.wants_json() {
                    output::json(&json!({"id": id.to_string(), "story": story}));
                } else {
                    output::line(story.join("\n"));
                }
                Ok(())
            }
            Self::Revoke(revoke) => revoke.run(context, store).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context, store: &dyn Store) -> anyhow::Result<()> {
        let of = whose(store, self.user.as_deref(), self.client).await?;
        let now = context.world.now();
        let sessions = pages::all(async |page| store.sessions(&of, page).await, |row| row.session.id).await?;
        let is_listed = |row: &&SessionWithUser| self.all || row.live_user(now).is_some();
        let rows: Vec<_> =
            sessions.iter().filter(is_listed).map(|row| admin_session_body(row, now)).collect();
        if context.wants_json() {
            output::json(&Value::Array(rows));
            return Ok(());
        }
        let ended = sessions.len() - rows.len();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let columns = ["id", "username", "client_id", "device", "address", "refreshed_at", "state"];
        let rows = rows.iter().map(|row| columns.iter().map(|name| text(row, name)).collect());
        output::table(&["ID", "USER", "CLIENT", "DEVICE", "ADDRESS", "REFRESHED", "STATE"], rows);
        if ended > 0 {
            output::remark(format!("{ended} sessions have ended. Use --all to list them too."));
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self, context: &Context, store: &dyn Store) -> anyhow::Result<()> {
        let how = context.revoked(RevokedReason::EndedByAdmin);
        if let Some(id) = self.id {
            let is_revoked = store.revoke(id, &Whose::Everyone, &how).await?;
            anyhow::ensure!(
                is_revoked,
                "there is no live session {id}: run `countersign session list` to see all live sessions"
            );
            tracing::info!(session = %id, reason = how.reason.as_str(), "a session was revoked");
            output::line(format!("The session {id} was revoked."));
            return Ok(());
        }
        let of = whose(store, self.user.as_deref(), self.client).await?;
        let ended = store.revoke_all(&of, None, &how).await?;
        tracing::info!(?of, ended, reason = how.reason.as_str(), "sessions were revoked");
        output::line(format!("{ended} sessions were revoked."));
        Ok(())
    }
}

/// Fails for an unknown user or client, so that a misspelt name does not look like one without sessions.
async fn whose(store: &dyn Store, user: Option<&str>, client: Option<ClientId>) -> anyhow::Result<Whose> {
    if let Some(name) = user {
        return Ok(Whose::User(user::find(store, name).await?.id));
    }
    let Some(id) = client else { return Ok(Whose::Everyone) };
    let of = Whose::Client(id.clone());
    // A client that was removed can still have sessions that ended.
    let is_known = id.is_reserved()
        || store.client(&id).await?.is_some()
        || !store.sessions(&of, &Page::first(1)).await?.is_empty();
    anyhow::ensure!(is_known, client::unknown(&id));
    Ok(of)
}

async fn find(store: &dyn Store, id: SessionId) -> anyhow::Result<SessionWithUser> {
    let row = store.session(id).await?;
    row.with_context(|| {
        format!("there is no session {id}: the id is wrong, or the session ended and was deleted")
    })
}
