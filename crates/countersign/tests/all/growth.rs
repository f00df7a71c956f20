//! The size of the database: a session has one row, and refreshes do not add rows.

use std::sync::Arc;

use countersign::flows::open::{self, Request};
use countersign::flows::refresh;
use countersign::runtime::sweeper;
use countersign_core::session::Presence;
use countersign_core::{ClientId, Secret};

use crate::harness::Harness;

const SESSIONS: usize = 1000;
const REFRESHES: usize = 100_000;

fn size(server: &Harness) -> u64 {
    server.database().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    std::fs::metadata(server.directory.path().join("countersign.db")).unwrap().len()
}

/// Refreshes every session once, all of them concurrently.
fn refresh_all(server: &Harness, tokens: &mut [Secret<String>]) {
    let edge = &server.edge;
    server.wait_seconds(60);
    let by = Presence { at: server.now(), address: None, device: "a test".to_owned() };
    let refreshing = tokens.iter().map(|token| {
        let (edge, token, by) = (Arc::clone(edge), token.clone(), by.clone());
        server.runtime.spawn(async move {
            refresh::refresh(&edge.app, &token, &ClientId::first_party(), &by).await.unwrap().refresh
        })
    });
    let refreshing: Vec<_> = refreshing.collect();
    for (token, refreshed) in tokens.iter_mut().zip(refreshing) {
        *token = server.runtime.block_on(refreshed).unwrap();
    }
}

#[test]
fn a_hundred_thousand_refreshes_do_not_enlarge_the_database() {
    // Small enough that the log of rotations has its full size after 10,000 refreshes.
    let server = Harness::with(|config| config.store.window = 4096);
    let user = server.add_user("jane");
    let app = &server.edge.app;
    let by = Presence { at: server.now(), address: None, device: "a test".to_owned() };
    let request = || Request::first_party(&countersign_token::Scope::default());
    let mut tokens: Vec<_> = (0..SESSIONS)
        .map(|_| {
            let terms = open::Terms::default();
            server.runtime.block_on(open::open(app, &user, request(), &by, terms)).unwrap().refresh
        })
        .collect();
    let mut early = 0;
    for round in 1..=REFRESHES / SESSIONS {
        refresh_all(&server, &mut tokens);
        if round * SESSIONS == 10_000 {
            early = size(&server);
        }
    }
    let late = size(&server);
    let rows: u32 =
        server.database().query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
    assert_eq!((rows, server.refreshes("rotated")), (SESSIONS as u32, REFRESHES as u64));
    assert!(late * 10 <= early * 11, "{early} bytes after 10,000 refreshes, {late} after 100,000");
}

#[test]
fn ended_sessions_are_deleted_after_their_last_access_token_has_expired() {
    let server = Harness::new();
    server.add_user("jane");
    let sweep = || server.runtime.block_on(sweeper::sweep(&server.edge.app)).unwrap();
    let (idle, revoked) = (server.sign_in("jane"), server.sign_in("jane"));
    server.post("/logout", &serde_json::json!({"refreshToken": revoked.refresh}));
    let (idle, revoked) = (server.session_of(&idle.refresh), server.session_of(&revoked.refresh));
    let rows = |id| server.runtime.block_on(server.edge.app.store.session(id)).unwrap().is_some();
    // The longest lifetime of an access token is 945 seconds. Five more are for a node whose clock is behind.
    server.wait_seconds(7 * 86_400 + 950);
    assert_eq!(
        (sweep(), rows(idle)),
        (0, true),
        "an access token from the session's last second may still be valid"
    );
    server.wait_seconds(1);
    assert_eq!((sweep(), rows(idle), rows(revoked)), (1, false, true));
    server.wait_seconds(23 * 86_400);
    assert_eq!((sweep(), rows(revoked)), (1, false));
}
