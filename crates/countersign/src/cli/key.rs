//! `key`: the signing keys. A running server applies a change within 30 seconds, or on SIGHUP.

use clap::Subcommand;
use countersign_core::signing_keys::{self, KeyState, Readiness, StoredKey};
use countersign_core::store::{KeyRing, Store};
use countersign_token::KeyId;
use serde_json::{Value, json};

use super::context::Context;
use super::output;
use crate::runtime::assembly;
use crate::services::keyring::Keeper;
use crate::time_text::rfc3339;

const RUNNING_SERVER: &str =
    "A running server applies this within 30 seconds, or immediately if you send it SIGHUP.";

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Lists the published keys.
    List,
    /// Makes the next key active, and generates a new next key.
    Rotate {
        /// Rotates even if verifiers may not know the next key yet. Use it if the active key was stolen.
        #[arg(long)]
        now: bool,
    },
    /// Removes a key that is not active from the published set. Tokens that it signed are then rejected.
    Retire {
        /// The key's `kid`.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

impl Key {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (config, store) = context.store().await?;
        let store = &*store;
        if let Self::List = self {
            return show(context, &store.signing_keys().await?);
        }
        let policy = assembly::key_policy_of(&config)?;
        let server_keys = config.server_keys()?;
        let keeper = Keeper { store, server_keys: &server_keys, policy, world: &context.world };
        match self {
            Self::List => Ok(()),
            Self::Rotate { now } => {
                if !now {
                    check_readiness(context, store).await?;
                }
                let ring = keeper.rotate().await?;
                output::remark(RUNNING_SERVER);
                show(context, &ring)
            }
            Self::Retire { kid } => {
                let key_id = KeyId::parse(&kid)?;
                let before = store.signing_keys().await?;
                let after = keeper.retire(&key_id).await?;
                anyhow::ensure!(
                    after.keys.len() < before.keys.len(),
                    "there is no key {kid} that can be retired: \
                     to retire an active key, first run `countersign key rotate`"
                );
                output::remark(RUNNING_SERVER);
                show(context, &after)
            }
        }
    }
}

async fn check_readiness(context: &Context, store: &dyn Store) -> anyhow::Result<()> {
    match signing_keys::readiness(&store.signing_keys().await?.keys, context.world.now()) {
        Readiness::Ready => Ok(()),
        Readiness::NotBefore(time) => anyhow::bail!(
            "verifiers may not know the next key before {}, {} minutes after it was published: \
             wait until then, or rotate immediately with --now if the active key was stolen",
            rfc3339(time),
            signing_keys::PUBLISHED_AHEAD.as_secs() / 60
        ),
        Readiness::NoNextKey => {
            anyhow::bail!("the database has no signing keys yet: start the server once to generate them")
        }
    }
}

fn show(context: &Context, ring: &KeyRing) -> anyhow::Result<()> {
    let mut ring = ring.clone();
    ring.keys.sort_by_key(|key| match key.state {
        KeyState::Active { .. } => 0,
        KeyState::Next => 1,
        KeyState::Retired { .. } => 2,
    });
    if context.wants_json() {
        output::json(&ring.keys.iter().map(body).collect());
        return Ok(());
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let columns = ["kid", "alg", "state", "published_at", "since", "until"];
    let rows = ring.keys.iter().map(body).map(|key| columns.iter().map(|name| text(&key[name])).collect());
    output::table(&["KID", "ALG", "STATE", "PUBLISHED", "SINCE", "UNTIL"], rows);
    Ok(())
}

fn body(key: &StoredKey) -> Value {
    let (since, until) = match key.state {
        KeyState::Next => (None, None),
        KeyState::Active { since } => (Some(since), None),
        KeyState::Retired { until } => (None, Some(until)),
    };
    json!({
        "kid": key.key_id.to_string(),
        "alg": key.algorithm.to_string(),
        "state": key.state.as_str(),
        "published_at": rfc3339(key.published_at),
        "since": since.map(rfc3339),
        "until": until.map(rfc3339),
    })
}
