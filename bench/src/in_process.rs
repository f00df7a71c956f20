//! The server's routes in this process, without sockets, to measure the cost of a request after it was
//! received.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use countersign::config::Config;
use countersign::runtime::assembly::assemble;
use countersign::{http, system};
use countersign_core::Secret;
use countersign_core::refresh_token::{LENGTH, PREFIX};
use countersign_core::store::Store;
use countersign_store::{Options, SqliteOptions, StoreUrl};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::fleet::{Fleet, ISSUER, Plan, server_keys};
use crate::{server, storeless};

/// Number of sessions. Enough that no session is refreshed twice.
const SESSIONS: u64 = 2048;

/// Rotations before the store folds its log. Small, so that folding happens during the measurement
/// and is counted.
const WINDOW: u32 = 256;

/// A server, and the sessions that are refreshed through it.
pub(crate) struct InProcess {
    router: Router,
    fleet: Arc<Fleet>,
    /// The number of the next session.
    turn: u64,
    // Fields are dropped in order: the store stops its threads inside the runtime, before its directory is
    // removed.
    runtime: Runtime,
    _home: TempDir,
}

impl InProcess {
    /// With a store that accepts every refresh and stores nothing.
    pub(crate) fn storeless() -> Result<Self> {
        Self::open(SESSIONS, |_, fleet, _| Ok(storeless::store(fleet)))
    }

    /// With the SQLite store, filled with sessions.
    pub(crate) fn durable() -> Result<Self> {
        Self::open(1, |runtime, fleet, home| {
            fleet.fill_directory(home.path(), |_| {})?;
            let url = StoreUrl::Sqlite(home.path().join("countersign.db"));
            let options = Options { sqlite: SqliteOptions { window: WINDOW, ..SqliteOptions::default() } };
            Ok(runtime.block_on(countersign_store::open_with(&url, options))?)
        })
    }

    fn open(
        each: u64,
        store: impl FnOnce(&Runtime, &Arc<Fleet>, &TempDir) -> Result<Arc<dyn Store>>,
    ) -> Result<Self> {
        let (home, world) = (server::home()?, system::world());
        let plan = Plan { count: SESSIONS, each, made: world.now() };
        let fleet = Arc::new(Fleet::plan(home.path(), plan, &world)?);
        let config = Config { issuer: Some(ISSUER.to_owned()), ..Config::default() };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let store = store(&runtime, &fleet, &home)?;
        let keys = server_keys(home.path())?;
        let server = runtime.block_on(assemble(&config, ISSUER.to_owned(), store, keys, &world))?;
        Ok(Self { router: http::routes(&server.edge), fleet, turn: 0, runtime, _home: home })
    }

    /// The first refresh tokens of the next `count` sessions.
    ///
    /// # Errors
    ///
    /// If fewer than `count` sessions are left.
    pub(crate) fn tokens(&mut self, count: u64) -> Result<Vec<Secret<String>>> {
        let turns = self.turn..self.turn + count;
        ensure!(turns.end <= SESSIONS, "there are only {SESSIONS} sessions");
        self.turn = turns.end;
        Ok(turns.map(|index| self.fleet.token(index)).collect())
    }

    /// Refreshes all of these tokens concurrently.
    ///
    /// # Errors
    ///
    /// If a refresh does not return new tokens.
    pub(crate) fn refresh(&self, tokens: Vec<Secret<String>>) -> Result<()> {
        self.runtime.block_on(async {
            let mut refreshing = JoinSet::new();
            for token in tokens {
                refreshing.spawn(refresh(self.router.clone(), token));
            }
            while let Some(refreshed) = refreshing.join_next().await {
                refreshed.context("a refresh task failed")??;
            }
            Ok(())
        })
    }
}

async fn refresh(router: Router, token: Secret<String>) -> Result<()> {
    let request = Request::post("/refreshToken")
        .header("host", "id.example")
        .header("content-type", "application/json")
        .header("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36")
        .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4321))))
        .body(Body::from(format!(r#"{{"refreshToken":"{}"}}"#, token.expose())))?;
    let response = router.oneshot(request).await?;
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 16).await?;
    let successor = body.windows(PREFIX.len()).position(|part| part == PREFIX.as_bytes());
    let is_whole = successor.is_some_and(|at| body.len() >= at + LENGTH);
    ensure!(status == StatusCode::OK && is_whole, "the server responded to a refresh with {status}");
    Ok(())
}
