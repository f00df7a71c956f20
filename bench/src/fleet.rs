//! Any number of sessions that need not be remembered: each is a function of its number.
//!
//! So ten million of them are written to a store by one process and refreshed by another, which keeps only what
//! it has refreshed. Never for a server that anybody uses: whoever knows the numbers knows the secrets.

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

/// For whom the access tokens are, and who issues them.
pub(crate) const ISSUER: &str = "https://id.example";

/// The sessions of one user, unless all are one user's.
pub(crate) const EACH: u64 = 2;

/// What a directory says of the fleet in its store.
const FILE: &str = "fleet.json";

/// Writes in flight while a store is filled.
const AT_ONCE: u64 = 256;

/// The sessions were opened during the day before the fleet was made.
const SPREAD: u64 = 86_400;

/// A number of sessions, and the keys that their tokens are made with.
pub(crate) struct Fleet {
    plan: Plan,
    keys: ServerKeys,
    policy: RefreshPolicy,
}

/// What a fleet follows from, beside its keys.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// How many sessions there are.
    pub(crate) count: u64,
    /// How many of them each user has.
    pub(crate) each: u64,
    /// The last of them was opened then.
    pub(crate) made: Timestamp,
}

impl Fleet {
    /// Writes a plan and a new master key into the directory of a server.
    pub(crate) fn plan(directory: &Path, plan: Plan, world: &World) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        fs::write(directory.join("master-key"), ServerKeys::generate(world).expose())?;
        fs::set_permissions(directory.join("master-key"), fs::Permissions::from_mode(0o600))?;
        fs::write(directory.join(FILE), serde_json::to_string(&plan)?)?;
        Self::open(directory)
    }

    /// The fleet that was planned for a directory.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let read = |name: &str| {
            fs::read_to_string(directory.join(name))
                .with_context(|| format!("{} holds no fleet", directory.display()))
        };
        let plan = serde_json::from_str(&read(FILE)?)?;
        let keys = server_keys(directory)?;
        Ok(Self { plan, keys, policy: Config::default().check()?.policy })
    }

    /// The user of a session.
    pub(crate) fn user(&self, index: u64) -> User {
        let name = format!("user-{:08}", index / self.plan.each);
        User {
            id: name.parse().expect("letters and digits make an id"),
            username: Username::parse(&name).expect("letters and digits make a name"),
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

    /// A session as it was opened, and its first refresh token.
    pub(crate) fn session(&self, index: u64) -> (Session, RefreshToken) {
        let into_the_day = index * SPREAD / self.plan.count;
        let at = self.plan.made.minus(Duration::from_secs(SPREAD - into_the_day));
        let by =
            Presence { at, address: Some([192, 0, 2, 1].into()), device: "Chrome on Windows 10".to_owned() };
        let grant = Grant {
            user: self.user(index).id,
            client: ClientId::first_party(),
            scope: Scope::parse("countersign:account").expect("this is a scope"),
            audience: ISSUER.to_owned(),
            claims: Map::new(),
        };
        let world = testing::world(at, index);
        Opening { grant, user_epoch: 0, by }.begin(&self.keys, &self.policy, &world)
    }

    /// The first refresh token of a session, as its holder has it.
    pub(crate) fn token(&self, index: u64) -> Secret<String> {
        let (_, token) = self.session(index);
        token.seal(&self.keys).expect("the fleet's tokens are made under its own key")
    }

    /// Writes the fleet to the database that a server over `directory` opens.
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

    /// Writes users and sessions to a store, and tells how many are in it now and then.
    async fn fill(self: &Arc<Self>, store: &Arc<dyn Store>, mut progress: impl FnMut(u64)) -> Result<()> {
        let mut writing = JoinSet::new();
        for index in (0..self.plan.count).step_by(usize::try_from(self.plan.each)?) {
            let (fleet, store) = (self.clone(), store.clone());
            writing.spawn(async move { fleet.write(&*store, index).await });
            if writing.len() as u64 == AT_ONCE {
                writing.join_next().await.context("a write was lost")???;
            }
            progress(index);
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        Ok(())
    }

    /// One user and their sessions.
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

/// The keys under the master key in a directory.
pub(crate) fn server_keys(directory: &Path) -> Result<ServerKeys> {
    let text = fs::read_to_string(directory.join("master-key"))?;
    ServerKeys::parse(&Secret::new(text)).context("the fleet's master key is not usable")
}
