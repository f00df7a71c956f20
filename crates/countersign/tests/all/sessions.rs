//! First-party sessions: users sign in, and list and revoke their own sessions.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, PASSWORD, Tokens};

fn server() -> Harness {
    let server = Harness::new();
    server.add_user("jane");
    server.add_user("john");
    server
}

fn ids(list: &Value) -> Vec<(String, bool)> {
    let sessions = list["sessions"].as_array().unwrap().iter();
    sessions
        .map(|session| (session["id"].as_str().unwrap().to_owned(), session["current"].as_bool().unwrap()))
        .collect()
}

#[test]
fn the_sign_in_response_has_the_member_names_of_rfc_6749() {
    let server = server();
    let reply = server.post("/v1/sessions", &json!({"username": "jane", "password": PASSWORD}));
    let body = reply.json();
    assert_eq!(
        (reply.status.as_u16(), &body["token_type"], &body["expires_in"]),
        (201, &json!("Bearer"), &json!(900))
    );
    assert_eq!(body["scope"], "countersign:account");
    let refreshed = server.post("/v1/sessions/refresh", &json!({"refresh_token": body["refresh_token"]}));
    assert_eq!((refreshed.status.as_u16(), &refreshed.json()["session_id"]), (200, &body["session_id"]));
}

#[test]
fn errors_are_problem_details_with_a_stable_code() {
    let server = server();
    let code = |reply: crate::harness::Reply| {
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        let body = reply.json();
        assert_eq!(body["status"], reply.status.as_u16());
        format!("{} {}", reply.status.as_u16(), body["code"].as_str().unwrap())
    };
    let wrong = json!({"username": "jane", "password": "wrong"});
    assert_eq!(code(server.post("/v1/sessions", &wrong)), "401 invalid_credentials");
    assert_eq!(
        code(server.post("/v1/sessions/refresh", &json!({"refresh_token": "x"}))),
        "401 invalid_refresh_token"
    );
    assert_eq!(code(server.request(Call::post("/v1/sessions/refresh"))), "400 malformed_request");
    assert_eq!(code(server.get("/v1/users/me")), "401 unauthorized");
    assert_eq!(code(server.get_as("/v1/users/me", "x")), "401 invalid_token");
    let admin_scope = json!({"username": "jane", "password": PASSWORD, "scope": "countersign:admin"});
    assert_eq!(code(server.post("/v1/sessions", &admin_scope)), "400 invalid_scope");
    assert_eq!(code(server.request(Call::post("/v1/sessions").bytes("{}"))), "415 unsupported_media_type");
}

// D7
#[test]
fn a_user_lists_and_revokes_their_own_sessions() {
    let server = server();
    let (first, second) = (server.sign_in("jane"), server.sign_in("jane"));
    server.sign_in("john");
    let list = ids(&server.get_as("/v1/sessions", &second.access).json());
    assert_eq!(list.len(), 2);
    let (other, _) = list.iter().find(|(_, is_current)| !is_current).unwrap();
    assert_eq!(*other, server.session_of(&first.refresh).to_string());
    let path = format!("/v1/sessions/{other}");
    assert_eq!(server.delete_as(&path, &second.access).status, 204);
    assert_eq!(server.refresh(&first.refresh).status, 403);
    assert_eq!(server.refresh(&second.refresh).status, 200);
    assert_eq!(ids(&server.get_as("/v1/sessions", &second.access).json()).len(), 1);
    assert_eq!(server.delete_as(&path, &second.access).status, 404, "the session is already revoked");
}

// D7
#[test]
fn another_users_session_is_reported_as_not_found() {
    let server = server();
    let (janes, johns) = (server.sign_in("jane"), server.sign_in("john"));
    let id = server.session_of(&janes.refresh);
    let reply = server.delete_as(&format!("/v1/sessions/{id}"), &johns.access);
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (404, &json!("not_found")));
    assert_eq!(server.refresh(&janes.refresh).status, 200);
    for id in ["x", "00000000-0000-0000-0000-000000000000", "' OR 1=1 --"] {
        let path = format!("/v1/sessions/{}", id.replace(' ', "%20"));
        assert_eq!(server.delete_as(&path, &johns.access).status, 404);
    }
}

#[test]
fn a_user_revokes_all_other_sessions_or_all_sessions() {
    let server = server();
    let (first, second, third) = (server.sign_in("jane"), server.sign_in("jane"), server.sign_in("jane"));
    let others = server.delete_as("/v1/sessions?except=current", &second.access);
    assert_eq!(others.status_and_body(), r#"200 {"ended":2}"#);
    assert_eq!(server.refresh(&first.refresh).status, 403);
    assert_eq!(server.refresh(&third.refresh).status, 403);
    assert_eq!(server.delete_as("/v1/sessions?except=mine", &second.access).status, 400);
    assert_eq!(server.delete_as("/v1/sessions", &second.access).status_and_body(), r#"200 {"ended":1}"#);
    assert_eq!(server.refresh(&second.refresh).status, 403);
}

// D2
#[test]
fn a_revoked_session_is_rejected_by_account_routes_at_once() {
    let server = server();
    let tokens = server.sign_in("jane");
    assert_eq!(server.get_as("/v1/users/me", &tokens.access).status, 200);
    server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    assert_eq!(server.get_as("/v1/users/me", &tokens.access).status, 401);
    let cannot = server.request(Call::new(Method::DELETE, "/v1/sessions").bearer(&tokens.access));
    assert_eq!(cannot.status, 401);
}

// D1, incident 16
#[test]
fn each_sign_in_opens_a_new_session() {
    let server = server();
    let (first, second) = (server.sign_in("jane"), server.sign_in("jane"));
    assert_ne!(server.session_of(&first.refresh), server.session_of(&second.refresh));
    let planted = Call::post("/v1/sessions")
        .header("cookie", &format!("__Host-countersign={}", first.refresh))
        .json(&json!({"username": "john", "password": PASSWORD, "token_mode": "cookie"}));
    let reply = server.request(planted);
    let own = reply.cookie("__Host-countersign").unwrap();
    assert_ne!(server.session_of(&own), server.session_of(&first.refresh));
    assert_eq!(server.row(server.session_of(&own)).user.unwrap().username.as_str(), "john");
}

// incident 15
#[test]
fn signing_out_of_one_of_two_sessions_keeps_the_other() {
    let server = server();
    let (first, second) = (server.sign_in("jane"), server.sign_in("jane"));
    server.post("/logout", &json!({"refreshToken": first.refresh}));
    let next = Tokens::of_tutorial(&server.refresh(&second.refresh));
    assert_eq!(server.get_as("/v1/users/me", &next.access).status, 200);
}

#[test]
fn a_session_of_another_client_cannot_use_account_routes() {
    let server = server();
    let jane = server.get_as("/v1/users/me", &server.sign_in("jane").access).json()["id"].clone();
    let admin = server.administrator();
    server.register_public("billing");
    let body = json!({"subject": jane, "client_id": "billing", "claims": {"tenant": "blue"}});
    let opened = server.post_as("/v1/admin/sessions", &admin, &body);
    assert_eq!(opened.status, 201);
    let pair = Tokens::of_first_party(&opened);
    let claims = server.get_as("/protectedRoute", &pair.access).json()["user"].clone();
    assert_eq!((&claims["client_id"], &claims["tenant"]), (&json!("billing"), &json!("blue")));
    let reply = server.get_as("/v1/sessions", &pair.access);
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (403, &json!("insufficient_scope")));
}

// D2
#[test]
fn a_revoked_session_is_rejected_by_the_protected_route_at_once() {
    let server = server();
    let revocations: [fn(&Harness, &Tokens); 4] = [
        |server, tokens| {
            server.post("/logout", &json!({"refreshToken": tokens.refresh}));
        },
        |server, tokens| {
            server.delete_as("/v1/sessions", &tokens.access);
        },
        |server, tokens| {
            let root = server.administrator();
            let jane = server.row(server.session_of(&tokens.refresh)).session.grant.user;
            let path = format!("/v1/admin/users/{jane}");
            for disabled in [true, false] {
                let call = Call::new(Method::PATCH, &path).bearer(&root).json(&json!({"disabled": disabled}));
                assert_eq!(server.request(call).status, 200);
            }
        },
        |server, tokens| {
            let body = json!({"current_password": PASSWORD});
            server.request(Call::new(Method::DELETE, "/v1/users/me").bearer(&tokens.access).json(&body));
        },
    ];
    for revoke in revocations {
        let tokens = server.sign_in("jane");
        assert_eq!(server.get_as("/protectedRoute", &tokens.access).status, 200);
        revoke(&server, &tokens);
        assert_eq!(server.get_as("/protectedRoute", &tokens.access).status, 403);
        // The next session must be opened later than this revocation, because a revocation by user covers all
        // sessions up to its time.
        server.wait_seconds(1);
    }
}

// C10
#[test]
fn an_access_token_that_contradicts_its_session_row_is_rejected() {
    let server = server();
    server.add_admin("root");
    let jane = server.sign_in_for("jane", "");
    let database = server.database();
    assert_eq!(server.get_as("/v1/users/me", &jane.access).status, 200);
    for (change, back) in [
        (
            "UPDATE sessions SET user_id = (SELECT id FROM users WHERE username = 'root')",
            "UPDATE sessions SET user_id = (SELECT id FROM users WHERE username = 'jane')",
        ),
        ("UPDATE sessions SET client_id = 'billing'", "UPDATE sessions SET client_id = 'first-party'"),
    ] {
        database.execute(change, []).unwrap();
        for path in ["/v1/users/me", "/v1/sessions", "/v1/admin/users"] {
            assert_eq!(server.get_as(path, &jane.access).status, 401, "{path} after {change}");
        }
        database.execute(back, []).unwrap();
        assert_eq!(server.get_as("/v1/users/me", &jane.access).status, 200);
    }
    // A larger scope in the row does not enlarge the scope of the token.
    database.execute("UPDATE sessions SET scope = 'countersign:account countersign:admin'", []).unwrap();
    database.execute("UPDATE users SET role = 'admin'", []).unwrap();
    assert_eq!(server.get_as("/v1/admin/users", &jane.access).status, 403);
}

// D7
#[test]
fn the_first_page_of_many_sessions_includes_the_current_session() {
    let server = server();
    let first = server.sign_in("jane");
    // Copies the session's row 700 times, with random ids.
    let columns = "user_id, client_id, scope, audience, claims, key_thumbprint, mode, generation, current_hash, next_hash, \
         previous, rotated_at, burst_from, burst_at, recoveries, user_epoch, authenticated_at, opened_at, opened_address, \
         opened_device, refreshed_at, refreshed_address, refreshed_device, idle_expires_at, absolute_expires_at";
    let id = server.session_of(&first.refresh);
    for _ in 0..700 {
        server
            .database()
            .execute(
                &format!("INSERT INTO sessions (id, {columns}) SELECT randomblob(16), {columns} FROM sessions WHERE id = ?1"),
                [id.as_bytes()],
            )
            .unwrap();
    }
    // The random ids sort before and after the current session's id.
    let current = server.sign_in("jane");
    let page = |query: &str| server.get_as(&format!("/v1/sessions{query}"), &current.access).json();
    let is_current = |session: &serde_json::Value| session["current"] == json!(true);
    let first_page = page("");
    let sessions = first_page["sessions"].as_array().unwrap();
    assert!((500..=501).contains(&sessions.len()));
    assert_eq!(sessions.iter().filter(|session| is_current(session)).count(), 1);
    let second_page = page(&format!("?after={}", first_page["next"].as_str().unwrap()));
    assert_eq!(second_page["next"], json!(null));
    let ids = |page: &serde_json::Value| -> std::collections::BTreeSet<String> {
        let sessions = page["sessions"].as_array().unwrap().iter();
        sessions.map(|session| session["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&first_page).union(&ids(&second_page)).count(), 702);
    assert_eq!(server.get_as("/v1/sessions?after=x", &current.access).status, 400);
}
