//! The revocation list and its stream, as verifiers read them.

use std::time::Duration;

use axum::http::Method;
use countersign_token::{Expected, JwkSet, KeySet, TokenType, verify};
use serde_json::{Value, json};

use crate::harness::{Call, Harness, ISSUER, PASSWORD, Reply, Tokens};

/// The claims of a page of the list, verified as a verifier does it.
fn page_claims(server: &Harness, text: &str) -> Value {
    let keys: KeySet = JwkSet::parse(server.get("/.well-known/jwks.json").text.as_bytes()).unwrap().into();
    let expected = Expected {
        issuer: ISSUER.to_owned(),
        audience: ISSUER.to_owned(),
        token_type: TokenType::Revocations,
        leeway: Duration::ZERO,
    };
    verify(text, &keys, &expected, server.now()).unwrap()
}

fn list(server: &Harness, after: Option<&str>) -> Value {
    server.list_revocations();
    let path = after.map_or("/revocations".to_owned(), |cursor| format!("/revocations?after={cursor}"));
    let reply = server.get(&path);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/revocations+jwt"));
    page_claims(server, &reply.text)
}

/// The first event of a stream: its id and the claims of its page.
fn first_event(server: &Harness, reply: &Reply) -> (String, Value) {
    let field = |name: &str| {
        let found = reply.text.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_default().trim_start_matches(": ").to_owned()
    };
    assert_eq!(field("event"), "revocations");
    (field("id"), page_claims(server, &field("data")))
}

#[test]
fn a_revoked_session_is_listed_until_all_of_its_tokens_have_expired() {
    let server = Harness::new();
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    let sid = server.session_of(&tokens.refresh).to_string();
    assert_eq!(list(&server, None)["revocations"], json!([]));
    server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    let listed = list(&server, None);
    // A lifetime of 15 minutes, 5 % jitter, and 90 seconds for clock differences and requests in progress.
    assert_eq!(listed["revocations"], json!([{"sid": sid, "exp": server.now().seconds() + 945 + 90}]));
    assert_eq!((&listed["after"], &listed["more"]), (&Value::Null, &json!(false)));
    server.wait_seconds(945 + 89);
    assert_eq!(list(&server, None)["revocations"].as_array().unwrap().len(), 1);
    // The server caches a page for two seconds.
    server.wait_seconds(3);
    assert_eq!(list(&server, None)["revocations"], json!([]));
    let left: i64 =
        server.database().query_row("SELECT count(*) FROM revocations", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "the store deletes the entry too");
    // A client that has read the entry can continue from its cursor.
    let cursor = listed["cursor"].as_str().unwrap();
    let later = list(&server, Some(cursor));
    assert_eq!((&later["after"], &later["cursor"]), (&json!(cursor), &json!(cursor)));
}

#[test]
fn sign_out_everywhere_is_one_entry() {
    let server = Harness::new();
    let user = server.add_user("jane");
    let all: Vec<_> = (0..5).map(|_| server.sign_in("jane")).collect();
    let newest = all.iter().map(|tokens| server.session_of(&tokens.refresh)).max().unwrap();
    let current = server.session_of(&all[2].refresh);
    let reply = server.delete_as("/v1/sessions?except=current", &all[2].access);
    assert_eq!(reply.json()["ended"], 4, "{reply:?}");
    let listed = list(&server, None)["revocations"].clone();
    let exp = server.now().seconds() + 945 + 90;
    let expected = json!([{"sub": user.id.as_str(), "up_to": newest.to_string(), "except": current.to_string(), "exp": exp}]);
    assert_eq!(listed, expected);
    // The entry does not cover a session that is opened a millisecond later.
    server.wait(Duration::from_millis(1));
    assert!(server.session_of(&server.sign_in("jane").refresh) > newest);
}

/// The first new entry after `revoke` was called with the tokens of one of jane's sessions.
fn listed_after(server: &Harness, revoke: impl Fn(&Tokens)) -> Value {
    let before = list(server, None)["cursor"].clone();
    server.sign_in("jane");
    revoke(&server.sign_in("jane"));
    list(server, before.as_str())["revocations"][0].clone()
}

#[test]
fn a_single_revoked_session_is_listed_by_its_id() {
    let server = Harness::new();
    server.add_user("jane");
    let admin = server.administrator();
    let by_the_user = |tokens: &Tokens| {
        server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    };
    let by_an_admin = |tokens: &Tokens| {
        let path = format!("/v1/admin/sessions/{}", server.session_of(&tokens.refresh));
        assert_eq!(server.delete_as(&path, &admin).status, 204);
    };
    let by_reuse = |tokens: &Tokens| {
        server.refresh(&tokens.refresh);
        server.wait_seconds(60);
        assert_eq!(server.refresh(&tokens.refresh).status, 403);
    };
    assert!(listed_after(&server, by_the_user)["sid"].is_string());
    assert!(listed_after(&server, by_an_admin)["sid"].is_string());
    assert!(listed_after(&server, by_reuse)["sid"].is_string());
}

#[test]
fn sessions_that_are_revoked_together_are_listed_by_user_or_client() {
    let server = Harness::new();
    let user = server.add_user("jane");
    let admin = server.administrator();
    let by_a_password_change = |tokens: &Tokens| {
        let other = "another long password, again";
        let change = json!({"current_password": PASSWORD, "new_password": other});
        assert_eq!(server.post_as("/v1/users/me/password", &tokens.access, &change).status, 204);
        let back = json!({"current_password": other, "new_password": PASSWORD});
        assert_eq!(server.post_as("/v1/users/me/password", &tokens.access, &back).status, 204);
    };
    let by_disabling = |_: &Tokens| {
        for disabled in [true, false] {
            let call = Call::new(Method::PATCH, &format!("/v1/admin/users/{}", user.id)).bearer(&admin);
            assert_eq!(server.request(call.json(&json!({"disabled": disabled}))).status, 200);
        }
    };
    let by_client = |_: &Tokens| {
        let path = "/v1/admin/sessions?client=first-party";
        assert_eq!(server.delete_as(path, &admin).status, 200);
    };
    assert_eq!(listed_after(&server, by_a_password_change)["sub"], user.id.as_str());
    assert_eq!(listed_after(&server, by_disabling)["sub"], user.id.as_str());
    assert_eq!(listed_after(&server, by_client)["client_id"], "first-party");
}

#[test]
fn a_long_list_is_returned_in_pages_that_a_cursor_continues() {
    let server = Harness::new();
    server.add_user("jane");
    server.database().execute(FILL, [i64::try_from(server.now().seconds()).unwrap(), 2500]).unwrap();
    let (mut seen, mut cursor, mut pages) = (std::collections::BTreeSet::new(), None::<String>, 0);
    loop {
        let page = list(&server, cursor.as_deref());
        seen.extend(page["revocations"].as_array().unwrap().iter().map(|entry| entry["sid"].to_string()));
        assert_eq!(page["after"].as_str(), cursor.as_deref());
        cursor = page["cursor"].as_str().map(str::to_owned);
        pages += 1;
        if page["more"] == false {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (2500, 3));
    // For a cursor of another list, such as one from before a restore, the list starts again.
    let foreign = format!("2500-{}", "0".repeat(12));
    assert_eq!(list(&server, Some(&foreign))["after"], Value::Null);
}

/// Every session on the list, in order, with duplicates.
fn whole_list(server: &Harness) -> Vec<String> {
    let (mut sessions, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = list(server, cursor.as_deref());
        sessions.extend(page["revocations"].as_array().unwrap().iter().map(|entry| entry["sid"].to_string()));
        cursor = page["cursor"].as_str().map(str::to_owned);
        if page["more"] == false {
            return sessions;
        }
        assert!(sessions.len() < 10_000, "the list ends");
    }
}

const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                    INSERT INTO revocations (at, kind, session_id) SELECT ?1, 'session', randomblob(16) FROM n";

#[test]
fn a_temporary_store_failure_neither_loses_nor_repeats_entries() {
    let server = Harness::new();
    let database = server.database();
    let now = i64::try_from(server.now().seconds()).unwrap();
    // The first entry has expired, and its removal fails. The server cannot parse the last entry.
    database.execute(FILL, [now - 10_000, 1]).unwrap();
    database.execute(FILL, [now, 1500]).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER stuck BEFORE DELETE ON revocations BEGIN SELECT RAISE(ABORT, 'stuck'); END",
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO revocations (at, kind, session_id) VALUES (?1, 'of a later release', x'00')",
            [now],
        )
        .unwrap();
    for _ in 0..5 {
        server.list_revocations();
    }
    database
        .execute_batch("DROP TRIGGER stuck; DELETE FROM revocations WHERE kind = 'of a later release'")
        .unwrap();
    let sessions = whole_list(&server);
    let distinct: std::collections::BTreeSet<_> = sessions.iter().collect();
    assert_eq!((sessions.len(), distinct.len()), (1500, 1500));
}

// incident 17
#[test]
fn a_shorter_token_lifetime_keeps_entries_for_tokens_issued_before() {
    let server = Harness::with(|config| config.access_token.lifetime = "1h".parse().unwrap());
    server.add_user("jane");
    let (before, after) = (server.sign_in("jane"), server.sign_in("jane"));
    server.post("/logout", &json!({"refreshToken": before.refresh}));
    let server = server.restart(|config| config.access_token.lifetime = "5s".parse().unwrap());
    server.post("/logout", &json!({"refreshToken": after.refresh}));
    server.wait_seconds(3700);
    let listed = list(&server, None)["revocations"].to_string();
    for tokens in [&before, &after] {
        assert!(listed.contains(&server.session_of(&tokens.refresh).to_string()), "{listed}");
    }
    // A lifetime of one hour, three minutes of jitter, and 90 seconds.
    server.wait_seconds(180);
    assert_eq!(list(&server, None)["revocations"], json!([]));
}

#[test]
fn an_unchanged_list_is_not_sent_again() {
    let server = Harness::new();
    server.add_user("jane");
    let tag = server.get("/revocations").header("etag").unwrap().to_owned();
    let get = || server.request(Call::new(Method::GET, "/revocations").header("if-none-match", &tag));
    assert_eq!(get().status_and_body(), "304 ");
    server.wait_seconds(3);
    assert_eq!(get().status, 200, "the page has a newer time");
    server.post("/logout", &json!({"refreshToken": server.sign_in("jane").refresh}));
    server.list_revocations();
    assert_eq!(get().status, 200);
}

#[test]
fn a_stream_starts_after_the_given_cursor() {
    let server = Harness::new();
    server.add_user("jane");
    let revoke_a_session =
        || server.post("/logout", &json!({"refreshToken": server.sign_in("jane").refresh}));
    revoke_a_session();
    server.list_revocations();
    let (id, whole) = first_event(&server, &server.get("/revocations/stream"));
    assert_eq!(whole["revocations"].as_array().unwrap().len(), 1);
    assert_eq!(whole["cursor"], json!(id));
    revoke_a_session();
    server.list_revocations();
    let call = Call::new(Method::GET, "/revocations/stream").header("last-event-id", &id);
    let (next, rest) = first_event(&server, &server.request(call));
    assert_eq!((&rest["after"], rest["revocations"].as_array().unwrap().len()), (&json!(id), 1));
    assert_ne!(next, id);
    let path = format!("/revocations/stream?after={next}");
    let (_, nothing) = first_event(&server, &server.get(&path));
    assert_eq!(nothing["revocations"], json!([]), "a heartbeat, which shows that nothing is new");
}

// C10
#[test]
fn a_list_that_may_be_incomplete_is_not_served() {
    let server = Harness::new();
    server.database().execute_batch("ALTER TABLE revocations RENAME TO gone").unwrap();
    server.wait_seconds(5);
    assert_eq!(server.get("/revocations").status, 200);
    server.wait_seconds(1);
    for path in ["/revocations", "/revocations/stream"] {
        let reply = server.get(path);
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.header("retry-after").is_some());
    }
    server.database().execute_batch("ALTER TABLE gone RENAME TO revocations").unwrap();
    server.list_revocations();
    assert_eq!(server.get("/revocations").status, 200);
}

#[test]
fn an_invalid_cursor_is_rejected() {
    let server = Harness::new();
    for invalid in ["", "x", "1", "1-2", "-1-0102030405ff", "%00", "1-0102030405ff&after=2-0102030405ff"] {
        assert_eq!(server.get(&format!("/revocations?after={invalid}")).status, 400, "{invalid}");
        assert_eq!(server.get(&format!("/revocations/stream?after={invalid}")).status, 400, "{invalid}");
    }
    let call = Call::new(Method::GET, "/revocations/stream").header("last-event-id", "\u{e9}");
    assert_eq!(server.request(call).status, 400);
}

#[test]
fn no_entry_contains_a_token_or_a_user_name() {
    let server = Harness::new();
    server.add_user("jane");
    let tokens = server.sign_in("jane");
    server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    let text = list(&server, None).to_string();
    for secret in [&tokens.refresh[4..], tokens.access.rsplit('.').next().unwrap(), "jane"] {
        assert!(!text.contains(secret), "{text}");
    }
}
