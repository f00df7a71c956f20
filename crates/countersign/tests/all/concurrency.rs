//! Concurrent requests: refreshes with the same token, and refreshes or sign-ins during a revocation.
//!
//! `COUNTERSIGN_ROUNDS` sets the number of rounds (default 30). The long run uses 1000.

use serde_json::json;

use crate::harness::{Call, Harness, Tokens};

const AT_ONCE: usize = 64;

#[expect(clippy::disallowed_methods, reason = "the long run has more rounds than a test run")]
fn rounds() -> u32 {
    std::env::var("COUNTERSIGN_ROUNDS").ok().map_or(30, |rounds| rounds.parse().unwrap())
}

/// Sends [`AT_ONCE`] concurrent refreshes with one token. Returns each status and new refresh token.
fn present(server: &Harness, token: &str) -> Vec<(u16, String)> {
    let calls = (0..AT_ONCE).map(|_| {
        let (routes, body) = (server.routes.clone(), json!({"refreshToken": token}));
        server.runtime.spawn(async move { routes.call(Call::post("/refreshToken").json(&body)).await })
    });
    let calls: Vec<_> = calls.collect();
    calls
        .into_iter()
        .map(|call| server.runtime.block_on(call).unwrap())
        .map(|reply| (reply.status.as_u16(), Tokens::of_tutorial(&reply).refresh))
        .collect()
}

// incident 13
#[test]
fn sixty_four_concurrent_refreshes_get_one_successor_and_rotate_once() {
    let server = Harness::new();
    server.add_user("jane");
    let mut token = server.sign_in("jane").refresh;
    let session = server.session_of(&token);
    for round in 1..=rounds() {
        server.wait_seconds(900);
        let replies = present(&server, &token);
        let (status, successor) = replies[0].clone();
        assert_eq!(status, 200, "round {round}");
        assert!(replies.iter().all(|reply| *reply == replies[0]), "round {round}: the session forked");
        assert_eq!(server.row(session).session.ratchet.generation, round);
        token = successor;
    }
    assert_eq!(server.refreshes("rotated"), u64::from(rounds()));
    assert_eq!(server.refreshes("replayed"), u64::from(rounds()) * (AT_ONCE as u64 - 1));
}

// incident 17
#[test]
fn a_concurrent_refresh_leaves_no_usable_token_after_a_revocation() {
    let server = Harness::new();
    server.add_user("jane");
    for _ in 0..rounds().min(100) {
        let tokens = server.sign_in("jane");
        let refreshing = (0..16).map(|_| {
            let (routes, body) = (server.routes.clone(), json!({"refreshToken": tokens.refresh}));
            server.runtime.spawn(async move { routes.call(Call::post("/refreshToken").json(&body)).await })
        });
        let refreshing: Vec<_> = refreshing.collect();
        assert_eq!(server.post("/logout", &json!({"refreshToken": tokens.refresh})).status, 204);
        let after = server.refresh(&tokens.refresh);
        assert_eq!(after.status, 403);
        for call in refreshing {
            let reply = server.runtime.block_on(call).unwrap();
            if reply.status == 200 {
                assert_eq!(server.refresh(&Tokens::of_tutorial(&reply).refresh).status, 403);
            }
        }
    }
}

// D3, incident 17
#[test]
fn a_sign_in_in_progress_opens_no_session_once_its_user_is_disabled() {
    let server = Harness::with(|config| config.password.workers = 1);
    let jane = server.add_user("jane");
    let admin = server.administrator();
    let body = json!({"username": "jane", "password": crate::harness::PASSWORD});
    for _ in 0..rounds().min(20) {
        let signing_in = (0..4).map(|_| {
            let (routes, body) = (server.routes.clone(), body.clone());
            server.runtime.spawn(async move { routes.call(Call::post("/getTokens").json(&body)).await })
        });
        let signing_in: Vec<_> = signing_in.collect();
        let path = format!("/v1/admin/users/{}", jane.id);
        let patch = |disabled: bool| {
            let call = Call::new(axum::http::Method::PATCH, &path).bearer(&admin);
            assert_eq!(server.request(call.json(&json!({"disabled": disabled}))).status, 200);
        };
        patch(true);
        let opened_before = live_sessions(&server, jane.id.as_str());
        for call in signing_in {
            server.runtime.block_on(call).unwrap();
        }
        assert_eq!((opened_before, live_sessions(&server, jane.id.as_str())), (0, 0));
        patch(false);
    }
}

fn live_sessions(server: &Harness, user: &str) -> u32 {
    let sql = "SELECT count(*) FROM sessions WHERE user_id = ?1 AND revoked_at IS NULL";
    server.database().query_row(sql, [user], |row| row.get(0)).unwrap()
}

#[test]
fn restored_tabs_that_refresh_one_after_another_keep_the_session() {
    let server = Harness::new();
    server.add_user("jane");
    let first = server.sign_in("jane").refresh;
    server.wait_seconds(900);
    let mut latest = first.clone();
    for _ in 0..5 {
        server.wait_seconds(2);
        let reply = server.refresh(&latest);
        latest = Tokens::of_tutorial(&reply).refresh;
        assert_eq!(server.refresh(&first).status, 200, "a slow tab that still has the oldest token");
    }
}
