//! Every row of the table of refresh decisions, through HTTP. Some tests change the database directly to
//! reach a row.

use std::time::Duration;

use countersign::config::LateRetryConfig;
use countersign_core::session::{RevokedReason, SessionState};
use rusqlite::params;
use serde_json::json;

use crate::harness::{Harness, Tokens};

fn server() -> Harness {
    let server = Harness::new();
    server.add_user("john_doe");
    server
}

/// Refreshes, which must succeed, and returns the new pair.
fn rotate(server: &Harness, token: &str) -> Tokens {
    let reply = server.refresh(token);
    assert_eq!(reply.status, 200, "{reply:?}");
    Tokens::of_tutorial(&reply)
}

fn reason(server: &Harness, token: &str) -> Option<RevokedReason> {
    match server.row(server.session_of(token)).session.state {
        SessionState::Active => None,
        SessionState::Revoked(revoked) => Some(revoked.reason),
    }
}

#[test]
fn row_0_an_invalid_token_is_rejected_without_a_store_query() {
    let server = server();
    let mut token = server.sign_in("john_doe").refresh;
    token.replace_range(50..51, if &token[50..51] == "A" { "B" } else { "A" });
    assert_eq!(server.refresh(&token).status, 403);
    assert_eq!(server.refreshes("not_ours"), 1);
}

#[test]
fn row_1_a_token_of_an_unknown_session_is_rejected() {
    let server = server();
    let token = server.sign_in("john_doe").refresh;
    server.database().execute("DELETE FROM sessions", []).unwrap();
    assert_eq!(server.refresh(&token).status, 403);
    assert_eq!(server.refreshes("no_such_session"), 1);
}

// B9, D8
#[test]
fn row_2_a_session_expires_when_idle_and_at_its_maximum_lifetime() {
    let server = server();
    let idle = server.sign_in("john_doe").refresh;
    let mut busy = server.sign_in("john_doe").refresh;
    for _ in 0..5 {
        server.wait(Duration::from_secs(6 * 86_400));
        let reply = server.refresh(&busy);
        if reply.status != 200 {
            break;
        }
        busy = Tokens::of_tutorial(&reply).refresh;
    }
    assert_eq!(server.refresh(&idle).status, 403);
    assert_eq!(server.refresh(&busy).status, 403, "30 days have passed");
    assert_eq!(server.refreshes("rotated"), 4);
    assert!(server.refreshes("ended") >= 2);
}

// B8
#[test]
fn row_2_a_disabled_user_cannot_refresh() {
    let server = server();
    let token = server.sign_in("john_doe").refresh;
    server.database().execute("UPDATE users SET disabled_at = 1", []).unwrap();
    assert_eq!(server.refresh(&token).status, 403);
    server.database().execute("UPDATE users SET disabled_at = NULL, epoch = 1", []).unwrap();
    assert_eq!(server.refresh(&token).status, 403, "all of the user's sessions were revoked");
    assert_eq!(server.refreshes("ended"), 2);
    server.database().execute("UPDATE users SET epoch = 0", []).unwrap();
    assert_eq!(server.refresh(&token).status, 200, "the rejected refreshes changed nothing");
}

#[test]
fn row_3_another_clients_token_is_rejected_and_stays_valid() {
    let server = server();
    let user = server.add_admin("root");
    server.register_public("billing");
    let admin = server.sign_in_for("root", "countersign:admin").access;
    let body = json!({"subject": user.id.as_str(), "client_id": "billing"});
    let pair = Tokens::of_first_party(&server.post_as("/v1/admin/sessions", &admin, &body));
    assert_eq!(server.refresh(&pair.refresh).status, 403);
    assert_eq!(server.refreshes("another_client"), 1);
    let body = json!({"refresh_token": pair.refresh, "client_id": "billing"});
    assert_eq!(server.post("/v1/sessions/refresh", &body).status, 200);
}

// G6
#[test]
fn too_many_refreshes_of_a_session_are_throttled_and_do_not_revoke_it() {
    let server = server();
    server.add_user("jane");
    let (mut token, other) = (server.sign_in("jane").refresh, server.sign_in("jane").refresh);
    for count in 0..600 {
        let reply = server.refresh(&token);
        assert_eq!(reply.status, 200, "{count}");
        token = Tokens::of_tutorial(&reply).refresh;
    }
    let throttled = server.refresh(&token);
    assert_eq!((throttled.status.as_u16(), throttled.header("retry-after")), (429, Some("1")));
    assert_eq!(server.refreshes("session_throttled"), 1);
    assert_eq!(server.refresh(&other).status, 200, "another session has a separate budget");
    server.wait_seconds(1);
    assert_eq!(server.refresh(&token).status, 200, "the session is still valid");
}

#[test]
fn clock_differences_up_to_five_seconds_do_not_revoke_a_session() {
    for (behind, status) in [(1, 200), (5, 200), (6, 403)] {
        let server = server();
        server.add_user("jane");
        let first = server.sign_in("jane").refresh;
        server.wait_seconds(900);
        let rotated = server.refresh(&first);
        assert_eq!(rotated.status, 200);
        server.set_back(behind);
        let duplicate = server.refresh(&first);
        assert_eq!(duplicate.status, status, "a node {behind} s behind");
        if status == 200 {
            let (one, two) = (Tokens::of_tutorial(&rotated), Tokens::of_tutorial(&duplicate));
            assert_eq!(one.refresh, two.refresh);
            let access = server.get_as("/protectedRoute", &one.access);
            assert_eq!(access.status, 200, "a token whose issue time is {behind} s in the future");
        }
    }
}

#[test]
fn row_4_a_tampered_row_revokes_the_session_and_issues_no_token() {
    for change in [
        "UPDATE sessions SET scope = 'countersign:admin'",
        "UPDATE sessions SET user_id = (SELECT id FROM users WHERE username = 'root')",
        "UPDATE sessions SET audience = 'https://other.example'",
        "UPDATE sessions SET claims = '{\"role\":\"admin\"}'",
    ] {
        let server = server();
        server.add_admin("root");
        let token = server.sign_in("john_doe").refresh;
        server.database().execute(change, []).unwrap();
        assert_eq!(server.refresh(&token).status, 403, "{change}");
        assert_eq!(server.refreshes("row_tampered"), 1, "{change}");
        assert_eq!(reason(&server, &token), Some(RevokedReason::RowTampered));
    }
}

#[test]
fn row_5_a_valid_tag_with_a_wrong_secret_is_rejected_and_changes_nothing() {
    let server = server();
    let token = server.sign_in("john_doe").refresh;
    server.database().execute("UPDATE sessions SET current_hash = ?1", [[0_u8; 32]]).unwrap();
    assert_eq!(server.refresh(&token).status, 403);
    assert_eq!(server.refreshes("tag_without_secret"), 1);
    assert_eq!(reason(&server, &token), None);
}

// B6
#[test]
fn row_7_each_refresh_rotates_the_token() {
    let server = server();
    let mut token = server.sign_in("john_doe").refresh;
    for generation in 1..=3 {
        server.wait_seconds(900);
        token = rotate(&server, &token).refresh;
        assert_eq!(server.row(server.session_of(&token)).session.ratchet.generation, generation);
    }
    assert_eq!(server.refreshes("rotated"), 3);
}

#[test]
fn row_8_the_token_that_a_recovery_skipped_revokes_the_session() {
    let server = Harness::with(|config| config.refresh_token.late_retry = LateRetryConfig::Recover);
    server.add_user("john_doe");
    let first = server.sign_in("john_doe").refresh;
    let lost = rotate(&server, &first).refresh;
    server.wait_seconds(11);
    rotate(&server, &first);
    assert_eq!(server.refreshes("recovered"), 1);
    assert_eq!(server.refresh(&lost).status, 403);
    assert_eq!(server.refreshes("skipped_generation"), 1);
    assert_eq!(reason(&server, &first), Some(RevokedReason::Reuse));
}

#[test]
fn row_9_a_lost_response_is_repeated_within_the_grace_period() {
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    let second = rotate(&server, &first);
    server.wait_seconds(10);
    let again = rotate(&server, &first);
    assert_eq!(again.refresh, second.refresh);
    assert_ne!(again.access, second.access, "each response has a new access token");
    assert_eq!(server.refreshes("replayed"), 1);
}

#[test]
fn row_9_too_many_replays_are_throttled_and_revoke_nothing() {
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    let second = rotate(&server, &first).refresh;
    for _ in 0..100 {
        assert_eq!(server.refresh(&first).status, 200);
    }
    let reply = server.refresh(&first);
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, Some("10")));
    assert_eq!(server.refreshes("replay_throttled"), 1);
    assert_eq!(server.refresh(&second).status, 200);
}

#[test]
fn row_10_a_late_retry_recovers_if_the_policy_allows_it() {
    let server = Harness::with(|config| config.refresh_token.late_retry = LateRetryConfig::Recover);
    server.add_user("john_doe");
    let first = server.sign_in("john_doe").refresh;
    rotate(&server, &first);
    server.wait_seconds(3600);
    let recovered = rotate(&server, &first).refresh;
    assert_eq!(server.row(server.session_of(&first)).session.ratchet.generation, 2);
    server.wait_seconds(900);
    rotate(&server, &recovered);
    assert_eq!((server.refreshes("recovered"), server.refreshes("rotated")), (1, 2));
}

#[test]
fn row_11_a_stolen_token_revokes_the_session_and_the_story_names_both_holders() {
    use crate::harness::Call;
    let server = server();
    let stolen = server.sign_in("john_doe").refresh;
    let refresh_from = |token: &str, address: &str, agent: &str| {
        let call = Call::post("/refreshToken").json(&json!({"refreshToken": token}));
        server.request(call.from(address).header("user-agent", agent))
    };
    server.wait_seconds(900);
    let owners_reply = refresh_from(
        &stolen,
        "198.51.100.7",
        "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    );
    assert_eq!(owners_reply.status, 200);
    server.wait_seconds(11);
    assert_eq!(refresh_from(&stolen, "203.0.113.9", "curl/8.5.0").status, 403);
    let owners_token = Tokens::of_tutorial(&owners_reply).refresh;
    assert_eq!(server.refresh(&owners_token).status, 403, "the session is revoked for both");
    assert_eq!((server.refreshes("reuse"), server.refreshes("ended")), (1, 1));
    let story = server.story(server.session_of(&stolen));
    let last = story.lines().last().unwrap();
    assert_eq!(
        last,
        "Two holders: one took generation 1 at 2027-01-15 08:15:00 UTC, from 198.51.100.7 with Firefox on Linux; \
         the other presented generation 0 at 2027-01-15 08:15:11 UTC, from 203.0.113.9 with curl."
    );
}

#[test]
fn row_11_a_replay_does_not_extend_the_grace_period() {
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    server.wait_seconds(900);
    rotate(&server, &first);
    for _ in 0..2 {
        server.wait_seconds(5);
        assert_eq!(server.refresh(&first).status, 200);
    }
    server.wait_seconds(1);
    assert_eq!(server.refresh(&first).status, 403);
}

// incident 14
#[test]
fn a_restart_does_not_change_the_end_of_the_grace_period() {
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    let second = rotate(&server, &first).refresh;
    server.wait_seconds(5);
    let server = server.restart(|_| {});
    assert_eq!(rotate(&server, &first).refresh, second);
    server.wait_seconds(6);
    let server = server.restart(|_| {});
    assert_eq!(server.refresh(&first).status, 403);
}

/// Saves a copy of the sessions for [`lose_writes`].
fn save_sessions(server: &Harness) {
    let copy = "CREATE TABLE earlier AS SELECT * FROM sessions;
                CREATE TABLE earlier_moves AS SELECT * FROM session_moves;";
    server.database().execute_batch(copy).unwrap();
}

/// Stops the server, restores the sessions that [`save_sessions`] saved, and starts it again.
fn lose_writes(server: Harness) -> Harness {
    server.restart(|config| {
        let database = rusqlite::Connection::open(config.data_dir.join("countersign.db")).unwrap();
        let replace = "REPLACE INTO sessions SELECT * FROM earlier;
                       DELETE FROM session_moves;
                       INSERT INTO session_moves SELECT * FROM earlier_moves;
                       DELETE FROM rotations";
        database.execute_batch(replace).unwrap();
    })
}

// incident 14
#[test]
fn a_delayed_request_that_overlaps_a_refresh_is_not_reuse() {
    use countersign::flows::refresh::refresh;
    use countersign_core::session::Presence;
    use countersign_core::{ClientId, Secret};
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    server.wait_seconds(900);
    let by = Presence { at: server.now(), address: None, device: "a phone on a train".to_owned() };
    // The request's body is still in transit when the same client times out and sends a second request.
    server.wait_seconds(2);
    let second = rotate(&server, &first).refresh;
    let (token, client) = (Secret::new(first), ClientId::first_party());
    let late = refresh(&server.edge.app, &token, &client, &by);
    assert_eq!(server.runtime.block_on(late).unwrap().refresh.expose(), &second);
}

#[test]
fn row_12_a_write_that_the_store_lost_signs_no_user_out() {
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    save_sessions(&server);
    server.wait_seconds(900);
    let second = rotate(&server, &first).refresh;
    let server = lose_writes(server);
    server.wait_seconds(900);
    let third = rotate(&server, &second).refresh;
    assert_eq!(server.refreshes("rollback_detected"), 1);
    server.wait_seconds(900);
    rotate(&server, &third);
}

#[test]
fn row_13_a_token_too_far_ahead_revokes_the_session() {
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    save_sessions(&server);
    let second = rotate(&server, &first).refresh;
    let third = rotate(&server, &second).refresh;
    let server = lose_writes(server);
    assert_eq!(server.refresh(&third).status, 403);
    assert_eq!(server.refreshes("ahead_of_store"), 1);
    assert_eq!(reason(&server, &first), Some(RevokedReason::AheadOfStore));
}

#[test]
fn sessions_remain_valid_after_the_master_key_is_replaced() {
    use countersign_core::ServerKeys;
    let server = server();
    let first = server.sign_in("john_doe").refresh;
    let path = server.directory.path().join("master-key");
    let old = std::fs::read_to_string(&path).unwrap();
    let new = ServerKeys::generate(&server.edge.app.world);
    std::fs::write(&path, format!("{}\n{old}", new.expose())).unwrap();
    let server = server.restart(|_| {});
    let second = rotate(&server, &first).refresh;
    assert_eq!(rotate(&server, &first).refresh, second, "a replay after the change of the master key");
    std::fs::write(&path, old).unwrap();
}

// B8
#[test]
fn a_refresh_never_widens_the_scope_and_narrows_it_with_the_users_role() {
    let server = server();
    server.add_admin("root");
    let pair = server.sign_in_for("root", "countersign:admin");
    let refresh = |token: &str| server.post("/v1/sessions/refresh", &json!({"refresh_token": token}));
    let kept = refresh(&pair.refresh);
    assert_eq!(kept.json()["scope"], "countersign:admin countersign:account");
    server.database().execute("UPDATE users SET role = 'user' WHERE username = ?1", params!["root"]).unwrap();
    let narrowed = refresh(&Tokens::of_first_party(&kept).refresh);
    assert_eq!(narrowed.json()["scope"], "countersign:account");
    assert_eq!(server.get_as("/v1/admin/users", &Tokens::of_first_party(&kept).access).status, 403);
}
