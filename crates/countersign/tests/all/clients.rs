//! Registered clients: the API for administrators, terms per client, and proof of confidential clients.

use axum::http::Method;
use countersign_token::unverified;
use serde_json::{Value, json};

use crate::harness::{Call, Harness, ISSUER, Reply, Tokens};

struct Registry {
    server: Harness,
    access: String,
}

impl Registry {
    fn new() -> Self {
        let server = Harness::new();
        let access = server.administrator();
        Self { server, access }
    }

    fn add(&self, body: &Value) -> Reply {
        self.server.post_as("/v1/admin/clients", &self.access, body)
    }

    fn patch(&self, id: &str, body: &Value) -> Reply {
        let call = Call::new(Method::PATCH, &format!("/v1/admin/clients/{id}"));
        self.server.request(call.bearer(&self.access).json(body))
    }

    fn get(&self, path: &str) -> Reply {
        self.server.get_as(&format!("/v1/admin/clients{path}"), &self.access)
    }

    fn open(&self, body: &Value) -> Reply {
        self.server.post_as("/v1/admin/sessions", &self.access, body)
    }

    /// Opens a session of a public client for a new user.
    fn session_of(&self, client: &str) -> Tokens {
        let user = self.server.add_user("jane").id.to_string();
        let opened = self.open(&json!({"subject": user, "client_id": client, "scope": ""}));
        assert_eq!(opened.status, 201, "{opened:?}");
        Tokens::of_first_party(&opened)
    }

    fn refresh(&self, client: &str, token: &str) -> Reply {
        let body = json!({"refresh_token": token, "client_id": client});
        self.server.post("/v1/sessions/refresh", &body)
    }
}

/// Seconds from `iat` to `exp`.
fn lifetime(access: &str) -> u64 {
    let claims = unverified::decode(access).unwrap().claims;
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

#[test]
fn a_client_is_registered_shown_changed_and_removed() {
    let registry = Registry::new();
    let added = registry.add(&json!({
        "client_id": "shop",
        "client_name": "The shop",
        "redirect_uris": ["https://shop.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "grace": 0,
    }));
    assert_eq!(added.status, 201, "{added:?}");
    let mut shown = added.json();
    let secret = shown.as_object_mut().unwrap().remove("client_secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("csc_"));
    assert_eq!(shown["kind"], "confidential");
    assert_eq!(registry.get("/shop").json(), shown, "the secret is not shown again");
    assert_eq!(registry.get("").json()["clients"], json!([shown]));
    let changed =
        registry.patch("shop", &json!({"client_name": null, "grace": null, "scope": "orders"})).json();
    assert_eq!(
        (&changed["client_name"], &changed["grace"], &changed["scope"]),
        (&json!(""), &json!(null), &json!("orders"))
    );
    assert_eq!(changed["redirect_uris"], shown["redirect_uris"], "an absent member stays as it is");
    assert_eq!(registry.add(&json!({"client_id": "shop"})).json()["code"], "id_taken");
    assert_eq!(registry.patch("other", &json!({"client_name": "x"})).status, 404);
    assert_eq!(registry.server.delete_as("/v1/admin/clients/shop", &registry.access).status, 204);
    assert_eq!(registry.get("/shop").status, 404);
}

#[test]
fn only_a_client_that_is_registered_for_a_token_type_gets_and_may_use_it() {
    let registry = Registry::new();
    let typ = |access: &str| unverified::decode(access).unwrap().header["typ"].clone();
    let body = json!({"client_id": "app", "token_endpoint_auth_method": "none", "access_token_type": "JWT"});
    assert_eq!(registry.add(&body).json()["access_token_type"], "JWT");
    let api = json!({"client_id": "api", "audiences": [ISSUER]});
    let secret = registry.add(&api).json()["client_secret"].as_str().unwrap().to_owned();
    let is_active = |token: &str| {
        let call = Call::post("/oauth2/introspect").basic("api", &secret).form(&[("token", token)]);
        registry.server.request(call).json()["active"] == json!(true)
    };
    let route = |token: &str| registry.server.get_as("/protectedRoute", token).status.as_u16();
    let first = registry.session_of("app");
    assert_eq!(typ(&first.access), "JWT");
    assert!(is_active(&first.access) && route(&first.access) == 200);
    assert_eq!(typ(&registry.access), "at+jwt", "the other clients keep the server's type");
    assert_eq!(registry.patch("app", &json!({"access_token_type": null})).status, 200);
    assert!(!is_active(&first.access) && route(&first.access) == 403, "the client has another type now");
    let second = Tokens::of_first_party(&registry.refresh("app", &first.refresh));
    assert_eq!(typ(&second.access), "at+jwt");
    assert!(is_active(&second.access) && route(&second.access) == 200);
}

#[test]
fn settings_that_are_not_acceptable_are_named_and_nothing_is_changed() {
    let registry = Registry::new();
    assert_eq!(registry.add(&json!({"client_id": "app", "token_endpoint_auth_method": "none"})).status, 201);
    let before = registry.get("/app").json();
    for (change, status) in [
        (json!({"redirect_uris": ["http://shop.example/"]}), 422),
        (json!({"grace": 301}), 422),
        (json!({"idle_lifetime": 100, "absolute_lifetime": 99}), 422),
        (json!({"absolute_lifetime": u64::MAX}), 422),
        (json!({"scope": "countersign:admin"}), 422),
        (json!({"scope": "orders:read,orders:write"}), 422),
        (json!({"audiences": ["https://api.example"]}), 422),
        (json!({"client_name": "fine", "access_token_lifetime": 0}), 422),
        (json!({"grant_types": ["password"]}), 400),
        (json!({"late_retry": "never"}), 400),
        (json!({"access_token_type": "at+JWT"}), 400),
        (json!({"access_token_type": "revocations+jwt"}), 422),
        (json!({"unknown_member": 1}), 400),
        (json!({"grace": "10s"}), 400),
    ] {
        let refused = registry.patch("app", &change);
        assert_eq!(refused.status, status, "{change}: {refused:?}");
    }
    assert_eq!(registry.get("/app").json(), before);
    assert_eq!(registry.add(&json!({"client_id": "b", "token_endpoint_auth_method": "tls"})).status, 400);
    assert_eq!(registry.add(&json!({"client_id": "b", "unknown_member": 1})).status, 400);
    let public = json!({"client_id": "b", "token_endpoint_auth_method": "none", "audiences": ["a"]});
    assert!(registry.add(&public).text.contains("A public client has no audiences"));
}

#[test]
fn the_error_of_a_body_names_the_member_and_what_the_server_expects() {
    let registry = Registry::new();
    let detail = |reply: Reply| {
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (400, &json!("malformed_request")));
        reply.json()["detail"].as_str().unwrap().to_owned()
    };
    for body in [json!({"grace": "10s"}), json!({"grace": -1}), json!({"grace": 1.5, "unknown": 1})] {
        assert_eq!(
            detail(registry.patch("app", &body)),
            "The request body is invalid: `grace` is wrong; expected a whole number of seconds."
        );
    }
    assert_eq!(
        detail(registry.add(&json!({"client_id": "b", "grace": "10s"}))),
        "The request body is invalid: `grace` is wrong; expected a whole number of seconds."
    );
    assert_eq!(
        detail(registry.add(&json!({"client_name": "b"}))),
        "The request body is invalid: missing field `client_id`."
    );
    assert_eq!(
        detail(registry.add(&json!({"client_id": "b", "audiences": "a"}))),
        "The request body is invalid: `audiences` is wrong; expected a list."
    );
    assert_eq!(
        detail(registry.add(&json!({"client_id": "a b"}))),
        "The request body is invalid: `client_id` is wrong: an id has 1 to 64 characters of A-Z a-z 0-9 . _ : @ | - and is not `.` or `..`."
    );
    let unknown = detail(registry.server.post("/v1/sessions", &json!({"usrname": "jane", "password": "x"})));
    assert!(
        unknown.starts_with("The request body is invalid: the member `usrname` is unknown; expected one of"),
        "{unknown}"
    );
}

#[test]
fn the_sessions_of_a_client_live_by_its_own_terms() {
    let registry = Registry::new();
    registry.add(&json!({
        "client_id": "app",
        "token_endpoint_auth_method": "none",
        "access_token_lifetime": 60,
        "idle_lifetime": 100,
        "grace": 0,
    }));
    let tokens = registry.session_of("app");
    assert!((60..70).contains(&lifetime(&tokens.access)), "{}", lifetime(&tokens.access));
    let refreshed = Tokens::of_first_party(&registry.refresh("app", &tokens.refresh));
    // Without a grace, the second presentation of a token is reuse.
    assert_eq!(registry.refresh("app", &tokens.refresh).status, 401);
    assert_eq!(registry.refresh("app", &refreshed.refresh).status, 401, "the session is revoked");
    let other = registry.server.sign_in("jane");
    assert!(lifetime(&other.access) >= 900, "the server's own app has the server's terms");
}

#[test]
fn a_change_of_a_clients_terms_counts_from_the_next_refresh() {
    let registry = Registry::new();
    registry.add(&json!({"client_id": "app", "token_endpoint_auth_method": "none"}));
    let tokens = registry.session_of("app");
    assert!(lifetime(&tokens.access) >= 900);
    registry.patch("app", &json!({"access_token_lifetime": 30}));
    let tokens = Tokens::of_first_party(&registry.refresh("app", &tokens.refresh));
    assert!(lifetime(&tokens.access) < 40);
    // Another process changes the client: this one notices within five seconds.
    let id = "app".parse().unwrap();
    let change = countersign_core::client::ClientChange::AccessTokenLifetime(None);
    let store = &registry.server.edge.app.store;
    registry.server.runtime.block_on(store.change_client(&id, &[], &[change])).unwrap();
    registry.server.wait_seconds(6);
    let tokens = Tokens::of_first_party(&registry.refresh("app", &tokens.refresh));
    assert!(lifetime(&tokens.access) >= 900);
}

#[test]
fn a_client_has_only_the_grants_and_scopes_that_it_is_registered_for() {
    let registry = Registry::new();
    registry.add(&json!({"client_id": "app", "token_endpoint_auth_method": "none", "scope": "orders"}));
    let tokens = registry.session_of("app");
    let user = registry.server.add_user("john").id.to_string();
    let open = |scope: &str| registry.open(&json!({"subject": user, "client_id": "app", "scope": scope}));
    assert_eq!(open("orders").status, 201);
    let refused = open("invoices").json();
    assert_eq!(refused["code"], "invalid_scope");
    assert!(refused["detail"].as_str().unwrap().starts_with("The client is not allowed to have this scope."));
    registry.patch("app", &json!({"grant_types": ["authorization_code"]}));
    let refused = registry.refresh("app", &tokens.refresh);
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (400, &json!("unauthorized_client")));
    assert_eq!(open("orders").json()["code"], "unauthorized_client");
}

// B4, B11
#[test]
fn a_confidential_client_is_never_accepted_without_its_secret() {
    let registry = Registry::new();
    let secret = registry.add(&json!({"client_id": "shop"})).json()["client_secret"].clone();
    let user = registry.server.add_user("jane").id.to_string();
    let open = |secret: Option<&Value>| {
        let mut body = json!({"subject": user, "client_id": "shop"});
        if let Some(secret) = secret {
            body["client_secret"] = secret.clone();
        }
        registry.open(&body)
    };
    for wrong in [None, Some(&json!("")), Some(&json!("csc_wrong"))] {
        let refused = open(wrong);
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (403, &json!("client_not_authenticated"))
        );
    }
    let tokens = Tokens::of_first_party(&open(Some(&secret)));
    let id_alone = registry.refresh("shop", &tokens.refresh);
    let challenge = id_alone.header("www-authenticate");
    assert_eq!((id_alone.status.as_u16(), challenge), (401, Some(r#"Basic realm="countersign""#)));
    let without = registry.server.post("/v1/sessions/refresh", &json!({"refresh_token": tokens.refresh}));
    assert_eq!(without.status, 401, "without a client");
    assert_eq!(registry.server.refresh(&tokens.refresh).status, 403, "the tutorial's route");
    let call = Call::post("/v1/sessions/refresh").json(&json!({"refresh_token": tokens.refresh}));
    let refreshed = registry.server.request(call.basic("shop", secret.as_str().unwrap()));
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
}

#[test]
fn a_replaced_secret_is_refused_at_once() {
    let registry = Registry::new();
    let old = registry.add(&json!({"client_id": "shop", "audiences": ["a"]})).json()["client_secret"].clone();
    let introspect = |secret: &Value| {
        let call = Call::post("/oauth2/introspect").form(&[("token", "x")]);
        registry.server.request(call.basic("shop", secret.as_str().unwrap())).status.as_u16()
    };
    assert_eq!(introspect(&old), 200);
    let new = registry.server.post_as("/v1/admin/clients/shop/secret", &registry.access, &json!({}));
    let new = new.json()["client_secret"].clone();
    assert_eq!((introspect(&old), introspect(&new)), (401, 200));
    registry.add(&json!({"client_id": "app", "token_endpoint_auth_method": "none"}));
    let refused = registry.server.post_as("/v1/admin/clients/app/secret", &registry.access, &json!({}));
    assert_eq!(refused.json()["code"], "no_client_secret");
}

#[test]
fn an_administrator_who_lost_the_role_changes_no_client() {
    let registry = Registry::new();
    registry.add(&json!({"client_id": "app"}));
    let janes = registry.server.sign_in("root").access;
    let call = Call::new(Method::PATCH, "/v1/admin/clients/app").bearer(&janes);
    assert_eq!(registry.server.request(call.json(&json!({"client_name": "x"}))).status, 403);
    assert_eq!(registry.server.get("/v1/admin/clients").status, 401);
}
