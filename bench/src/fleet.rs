//! Any number of sessions that do not have to be stored: each session is a function of its number.
//!
//! One process can write ten million sessions to a store, and another can refresh them. The second process
//! keeps only the tokens that it has refreshed. Never use a fleet on a real server: the numbers determine the
//! secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign::config::Config;
use countersign_core::opening::Opening;
use countersign_core::refresh::RefreshPolicy;
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{Grant, Presence, Session};
use countersign_core::store::{Added, Opened, Store};
use countersign_core::user::{Role, User, UserClaims, Username};
use countersign_core::{ClientId, Secret, ServerKeys, Timestamp, World, testing};
use countersign_token::Scope;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use tokio::task::JoinSet;

/// The issuer and the audience of the access tokens.
pub(crate) const ISSUER: &str = "https://id.example";

/// Sessions for each user, unless all sessions belong to one user.
pub(crate) const EACH: u64 = 2;

/// The file in a server's directory that describes the fleet in its store.
const FILE: &str = "fleet.json";

/// Concurrent writes while a store is filled.
const AT_ONCE: u64 = 256;

/// Seconds. The sessions were opened in the 24 hours before the fleet was created.
const SPREAD: u64 = 86_400;

/// The sessions, and the keys for their tokens.
pub(crate) struct Fleet {
    plan: Plan,
    keys: ServerKeys,
    policy: RefreshPolicy,
}

/// The parameters of a fleet. Together with the keys, they determine every session.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Number of sessions.
    pub(crate) count: u64,
    /// Number of sessions of each user.
    pub(crate) each: u64,
    /// When the last session was opened.
    pub(crate) made: Timestamp,
}

impl Fleet {
    /// Writes a plan and a new master key into a server's directory.
    pub(crate) fn plan(directory: &Path, plan: Plan, world: &World) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        fs::write(directory.join("master-key"), ServerKeys::generate(world).expose())?;
        fs::set_permissions(directory.join("master-key"), fs::Permissions::from_mode(0o600))?;
        fs::write(directory.join(FILE), serde_json::to_string(&plan)?)?;
        Self::open(directory)
    }

    /// Reads the plan and the master key from a server's directory.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let read = |name: &str| {
            fs::read_to_string(directory.join(name))
                .with_context(|| format!("there is no fleet in {}", directory.display()))
        };
        let plan = serde_json::from_str(&read(FILE)?)?;
        let keys = server_keys(directory)?;
        Ok(Self { plan, keys, policy: Config::default().check()?.policy })
    }

    /// The user of a session.
    pub(crate) fn user(&self, index: u64) -> User {
        let name = format!("user-{:08}", index / self.plan.each);
        User {
            id: name.parse().expect("letters and digits are a valid ID"),
            username: Username::parse(&name).expect("letters and digits are a valid username"),
            email: None,
            password: None,
            claims: UserClaims::default(),
            role: Role::User,
            disabled_at: None,
            epoch: 0,
            sessions_ended_at: None,
            created_at: Timestamp::from_seconds(1_700_000_000),
        }
    }

    /// A session in its initial state, and its first refresh token.
    pub(crate) fn session(&self, index: u64) -> (Session, RefreshToken) {
        let into_the_day = index * SPREAD / self.plan.count;
        let at = self.plan.made.minus(Duration::from_secs(SPREAD - into_the_day));
        let by =
            Presence { at, address: Some([192, 0, 2, 1].into()), device: "Chrome on Windows 10".to_owned() };
        let grant = Grant {
            user: self.user(index).id,
            client: ClientId::first_party(),
            scope: Scope::parse("countersign:account").expect("the scope is valid"),
            audience: ISSUER.to_owned(),
            claims: Map::new(),
        };
        let world = testing::world(at, index);
        Opening { grant, user_epoch: 0, by }.begin(&self.keys, &self.policy, &world)
    }

    /// The first refresh token of a session as text.
    pub(crate) fn token(&self, index: u64) -> Secret<String> {
        let (_, token) = self.session(index);
        token.seal(&self.keys).expect("the fleet has the key of its tokens")
    }

    /// Writes the fleet to the database of the server whose data directory is `directory`.
    pub(crate) fn fill_directory(
        self: &Arc<Self>,
        directory: &Path,
        progress: impl FnMut(u64),
    ) -> Result<()> {
        let url = countersign_store::StoreUrl::Sqlite(directory.join("countersign.db"));
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let store = countersign_store::open(&url).await?;
            self.fill(&store, progress).await
        })
    }

    /// Writes users and sessions to a store. Calls `progress` from time to time with the number of sessions
    /// written.
    async fn fill(self: &Arc<Self>, store: &Arc<dyn Store>, mut progress: impl FnMut(u64)) -> Result<()> {
        let mut writing = JoinSet::new();
        for index in (0..self.plan.count).step_by(usize::try_from(self.plan.each)?) {
            let (fleet, store) = (self.clone(), store.clone());
            writing.spawn(async move { fleet.write(&*store, index).await });
            if writing.len() as u64 == AT_ONCE {
                writing.join_next().await.context("a write task failed")???;
            }
            progress(index);
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        Ok(())
    }

    /// Writes one user and the user's sessions.
    async fn write(&self, store: &dyn Store, first: u64) -> Result<()> {
        let added = store.add_user(&[], &self.user(first)).await?;
        ensure!(added == Added::Added, "the store was not empty");
        for index in first..(first + self.plan.each).min(self.plan.count) {
            let opened = store.open(&self.session(index).0, &[], None).await?;
            ensure!(opened == Opened::Opened, "a session could not be opened: {opened:?}");
        }
        Ok(())
    }
}

/// The keys derived from the master key in a directory.
pub(crate) fn server_keys(directory: &Path) -> Result<ServerKeys> {
    let text = fs::read_to_string(directory.join("master-key"))?;
    ServerKeys::parse(&Secret::new(text)).context("the fleet's master key is invalid")
}
