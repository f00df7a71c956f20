//! The admin routes: users, sessions and password resets.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, Reply};

struct Desk {
    server: Harness,
    access: String,
}

impl Desk {
    fn new() -> Self {
        let server = Harness::new();
        let access = server.administrator();
        Self { server, access }
    }

    fn add(&self, body: &Value) -> Reply {
        self.server.post_as("/v1/admin/users", &self.access, body)
    }

    fn patch(&self, id: &str, body: &Value) -> Reply {
        let call = Call::new(Method::PATCH, &format!("/v1/admin/users/{id}"));
        self.server.request(call.bearer(&self.access).json(body))
    }
}

#[test]
fn admin_routes_require_an_administrator_and_the_admin_scope() {
    let Desk { server, .. } = Desk::new();
    server.add_user("jane");
    let no_admin = server.sign_in("jane").access;
    let without_scope = server.sign_in("root").access;
    for (path, token) in [("/v1/admin/users", &no_admin), ("/v1/admin/sessions", &without_scope)] {
        let reply = server.get_as(path, token);
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (403, &json!("insufficient_scope")));
    }
    assert_eq!(server.get("/v1/admin/users").status, 401);
}

#[test]
fn users_are_created_shown_changed_and_deleted() {
    let desk = Desk::new();
    let body = json!({"id": "7", "username": "jane", "email": "j@example.com", "claims": {"team": "red"}});
    let made = desk.add(&body);
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(desk.add(&body).json()["code"], "id_taken");
    assert_eq!(desk.add(&json!({"username": "Jane"})).json()["code"], "username_taken");
    for claims in [json!({"exp": 1}), json!([]), json!({"x": "y".repeat(3000)})] {
        let refused = desk.add(&json!({"username": "x", "claims": claims}));
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (422, &json!("invalid_account")));
    }
    let changed = desk.patch("7", &json!({"claims": {"team": "blue"}, "role": "admin"})).json();
    assert_eq!((&changed["claims"]["team"], &changed["role"]), (&json!("blue"), &json!("admin")));
    assert_eq!(desk.server.get_as("/v1/admin/users/7", &desk.access).json()["username"], "jane");
    assert_eq!(desk.patch("8", &json!({"role": "admin"})).status, 404);
    assert_eq!(desk.patch("7", &json!({"role": "king"})).status, 400);
    assert_eq!(desk.server.delete_as("/v1/admin/users/7", &desk.access).status, 204);
    assert_eq!(desk.server.get_as("/v1/admin/users/7", &desk.access).status, 404);
}

#[test]
fn the_list_of_users_is_returned_in_pages() {
    let desk = Desk::new();
    for id in ["1", "2", "3"] {
        desk.add(&json!({"id": id, "username": format!("user-{id}")}));
    }
    let list = |query: &str| desk.server.get_as(&format!("/v1/admin/users?{query}"), &desk.access);
    let ids = |reply: Reply| -> Vec<String> {
        let users = reply.json()["users"].as_array().unwrap().clone();
        users.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(list("after=1&limit=2")), ["2", "3"]);
    for query in ["limit=0", "limit=501", "limit=x", "after=%20"] {
        assert!(list(query).status.is_client_error(), "{query}");
    }
}

// D3
#[test]
fn disabling_or_deleting_a_user_revokes_the_users_sessions_at_once() {
    for end in ["disable", "delete"] {
        let desk = Desk::new();
        let id = desk.server.add_user("jane").id.to_string();
        let tokens = desk.server.sign_in("jane");
        if end == "disable" {
            assert_eq!(desk.patch(&id, &json!({"disabled": true})).json()["disabled"], true);
        } else {
            desk.server.delete_as(&format!("/v1/admin/users/{id}"), &desk.access);
        }
        assert_eq!(desk.server.refresh(&tokens.refresh).status, 403);
        assert_eq!(desk.server.get_as("/v1/users/me", &tokens.access).status, 401);
        if end == "disable" {
            desk.patch(&id, &json!({"disabled": false}));
            assert_eq!(desk.server.refresh(&tokens.refresh).status, 403, "the session stays revoked");
            desk.server.sign_in("jane");
        }
    }
}

// D5
#[test]
fn sessions_are_revoked_by_id_by_user_by_client_or_all_at_once() {
    let desk = Desk::new();
    let jane = desk.server.add_user("jane");
    desk.server.add_user("john");
    let (first, second) = (desk.server.sign_in("jane"), desk.server.sign_in("jane"));
    let johns = desk.server.sign_in("john");
    let id = desk.server.session_of(&first.refresh);
    let revoke = |path: &str| desk.server.delete_as(path, &desk.access);
    assert_eq!(revoke(&format!("/v1/admin/sessions/{id}")).status, 204);
    assert_eq!(revoke(&format!("/v1/admin/sessions/{id}")).status, 404);
    assert_eq!(
        revoke(&format!("/v1/admin/sessions?user={}", jane.id)).status_and_body(),
        r#"200 {"ended":1}"#
    );
    assert_eq!(desk.server.refresh(&second.refresh).status, 403);
    assert_eq!(revoke("/v1/admin/sessions?client=billing").status_and_body(), r#"200 {"ended":0}"#);
    assert_eq!(revoke("/v1/admin/sessions?client=a&user=b").status, 400);
    assert_eq!(revoke("/v1/admin/sessions").status, 400, "all sessions need `all=true`");
    assert_eq!(
        revoke("/v1/admin/sessions?all=true").status_and_body(),
        r#"200 {"ended":2}"#,
        "john's session and the administrator's"
    );
    assert_eq!(desk.server.refresh(&johns.refresh).status, 403);
    assert_eq!(revoke("/v1/admin/sessions?all=true").status, 401);
}

#[test]
fn a_session_is_shown_with_its_story() {
    let desk = Desk::new();
    desk.server.add_user("jane");
    let tokens = desk.server.sign_in("jane");
    let id = desk.server.session_of(&tokens.refresh);
    let shown = desk.server.get_as(&format!("/v1/admin/sessions/{id}"), &desk.access).json();
    assert_eq!((&shown["username"], &shown["generation"]), (&json!("jane"), &json!(0)));
    assert!(
        shown["story"][0].as_str().unwrap().contains("signed in with client first-party, from 192.0.2.1")
    );
    assert!(!shown.to_string().contains("hash"));
}

#[test]
fn an_administrator_opens_a_session_for_a_user_and_a_registered_client() {
    let desk = Desk::new();
    let jane = desk.server.add_user("jane").id.to_string();
    let open = |body: Value| desk.server.post_as("/v1/admin/sessions", &desk.access, &body);
    let unknown = open(json!({"subject": jane, "client_id": "billing"}));
    assert_eq!((unknown.status.as_u16(), &unknown.json()["code"]), (422, &json!("unknown_client")));
    desk.server.register_public("billing");
    assert_eq!(open(json!({"subject": jane, "client_id": "billing"})).status, 201);
    let by_name = open(json!({"subject": "jane", "client_id": "billing"}));
    assert_eq!((by_name.status.as_u16(), &by_name.json()["code"]), (404, &json!("not_found")));
    assert!(by_name.text.contains("`subject` is a user's id, and not the username"), "{}", by_name.text);
    let detail = |client: &str, scope: &str| {
        let refused = open(json!({"subject": jane, "client_id": client, "scope": scope})).json();
        assert_eq!(refused["code"], "invalid_scope");
        refused["detail"].as_str().unwrap().split('.').next().unwrap().to_owned()
    };
    assert_eq!(detail("b", "countersign:admin"), "The client is not allowed to have this scope");
    assert_eq!(detail("first-party", "countersign:admin"), "The user is not allowed to have this scope");
    assert_eq!(detail("billing", "a  b"), "`scope` has names separated by single spaces");
    assert_eq!(
        open(json!({"subject": jane, "client_id": "b", "claims": {"sub": "x"}})).json()["code"],
        "invalid_account"
    );
    assert_eq!(open(json!({"subject": jane})).status, 400);
    desk.patch(&jane, &json!({"disabled": true}));
    assert_eq!(open(json!({"subject": jane, "client_id": "billing"})).json()["code"], "user_disabled");
}

// E10
#[test]
fn an_administrator_can_reset_a_password_but_not_choose_one() {
    let desk = Desk::new();
    let jane = desk.server.add_user("jane").id.to_string();
    let tokens = desk.server.sign_in("jane");
    let path = format!("/v1/admin/users/{jane}/password");
    let reset = desk.server.request(Call::post(&path).bearer(&desk.access));
    let temporary = reset.json()["temporary_password"].clone();
    assert_eq!(desk.server.refresh(&tokens.refresh).status, 403);
    let reply = desk.server.post("/v1/sessions", &json!({"username": "jane", "password": temporary}));
    assert_eq!(reply.json()["code"], "password_change_required");
    let chosen = desk.add(&json!({"username": "x", "password": "an administrator's choice"}));
    assert_eq!(chosen.status, 400);
}
