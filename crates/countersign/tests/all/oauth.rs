//! Client authentication, introspection (RFC 7662), revocation (RFC 7009) and server metadata (RFC 8414).

use axum::http::Method;
use countersign::flows::open::{self, Request};
use countersign_core::client::{
    Client, ClientAuthentication, ClientSecretHash, ClientSettings, SecretMethod,
};
use countersign_core::session::Presence;
use countersign_core::store::Added;
use countersign_token::{Scope, unverified};
use serde_json::{Map, json};

use crate::harness::{Call, Harness, ISSUER, Reply, Tokens};

impl Harness {
    /// Registers a client with audiences. Returns its secret, which a public client does not use.
    fn register(&self, id: &str, method: Option<SecretMethod>, audiences: &[&str]) -> String {
        let world = &self.edge.app.world;
        let (secret, hash) = ClientSecretHash::generate(world);
        let authentication =
            method.map_or(ClientAuthentication::None, |method| ClientAuthentication::Secret(method, hash));
        let audiences = audiences.iter().map(|text| (*text).to_owned()).collect();
        let settings = ClientSettings { audiences, ..ClientSettings::default() };
        let client = Client { id: id.parse().unwrap(), authentication, settings, created_at: world.now() };
        let added = self.runtime.block_on(self.edge.app.store.add_client(&[], &client)).unwrap();
        assert_eq!(added, Added::Added);
        secret.expose().clone()
    }

    /// Adds a user and opens a session for the user and a client, with the scope `orders:read`.
    fn open_for(&self, user: &str, client: &str) -> Tokens {
        let user = self.add_user(user);
        let by = Presence { at: self.now(), address: None, device: String::new() };
        let scope = Scope::parse("orders:read").unwrap();
        let request = Request { client: client.parse().unwrap(), scope, claims: Map::new() };
        self.register_public(client);
        let terms = open::Terms::default();
        let pair = self.runtime.block_on(open::open(&self.edge.app, &user, request, &by, terms)).unwrap();
        Tokens { access: pair.access.text.expose().clone(), refresh: pair.refresh.expose().clone() }
    }

    fn introspect(&self, id: &str, secret: &str, token: &str) -> Reply {
        self.request(Call::post("/oauth2/introspect").basic(id, secret).form(&[("token", token)]))
    }
}

const INACTIVE: &str = r#"200 {"active":false}"#;

#[test]
fn an_access_token_is_active_until_its_session_is_revoked() {
    let server = Harness::new();
    let secret = server.register("orders", Some(SecretMethod::Basic), &[ISSUER]);
    let tokens = server.open_for("jane", "shop");
    let reply = server.introspect("orders", &secret, &tokens.access);
    let body = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    for (name, value) in [
        ("active", json!(true)),
        ("iss", json!(ISSUER)),
        ("aud", json!(ISSUER)),
        ("client_id", json!("shop")),
        ("scope", json!("orders:read")),
        ("username", json!("jane")),
        ("token_type", json!("Bearer")),
        ("iat", json!(server.now())),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    server.post("/logout", &json!({"refreshToken": tokens.refresh}));
    assert_eq!(server.introspect("orders", &secret, &tokens.access).status_and_body(), INACTIVE);
}

#[test]
fn custom_claims_cannot_override_members_of_the_introspection_response() {
    let server = Harness::new();
    let secret = server.register("orders", Some(SecretMethod::Basic), &[ISSUER]);
    let claims = json!({"active": false, "token_type": "x", "username": "root"});
    server.add(countersign::flows::accounts::NewAccount {
        username: "jane".to_owned(),
        claims: Some(claims),
        ..Default::default()
    });
    let body = server.introspect("orders", &secret, &server.sign_in("jane").access).json();
    assert_eq!(
        (&body["active"], &body["token_type"], &body["username"]),
        (&json!(true), &json!("Bearer"), &json!("jane"))
    );
}

// incident 34
#[test]
fn a_token_for_another_audience_is_inactive() {
    let server = Harness::new();
    let billing = server.register("billing", Some(SecretMethod::Basic), &["https://billing.example"]);
    let orders = server.register("orders", Some(SecretMethod::Basic), &["https://billing.example", ISSUER]);
    let access = server.open_for("jane", "billing").access;
    let reply = server.introspect("billing", &billing, &access);
    assert_eq!(reply.status_and_body(), INACTIVE, "also for the client that the token was issued to");
    assert_eq!(server.introspect("orders", &orders, &access).json()["active"], true);
}

#[test]
fn a_client_can_introspect_only_its_own_current_refresh_tokens() {
    let server = Harness::new();
    let shop = server.register("shop", Some(SecretMethod::Basic), &[ISSUER]);
    let other = server.register("orders", Some(SecretMethod::Basic), &[ISSUER]);
    let tokens = server.open_for("jane", "shop");
    let body = server.introspect("shop", &shop, &tokens.refresh).json();
    assert_eq!((&body["active"], &body["client_id"]), (&json!(true), &json!("shop")));
    assert_eq!(body["exp"], json!(server.now().plus(std::time::Duration::from_secs(7 * 86_400))));
    assert_eq!(server.introspect("orders", &other, &tokens.refresh).status_and_body(), INACTIVE);
    let refresh = json!({"refresh_token": tokens.refresh, "client_id": "shop"});
    let call = || Call::post("/v1/sessions/refresh").json(&refresh);
    let next = server.request(call().basic("shop", &shop)).json()["refresh_token"].clone();
    assert_eq!(server.introspect("shop", &shop, &tokens.refresh).status_and_body(), INACTIVE);
    let next = next.as_str().unwrap();
    assert_eq!(server.introspect("shop", &shop, next).json()["active"], true);
    server.database().execute("UPDATE sessions SET scope = 'orders:admin'", []).unwrap();
    assert_eq!(
        server.introspect("shop", &shop, next).status_and_body(),
        INACTIVE,
        "the token was not issued for this scope"
    );
}

// B1, B11
#[test]
fn no_route_accepts_a_confidential_clients_refresh_token_without_its_secret() {
    let server = Harness::new();
    let basic = server.register("shop", Some(SecretMethod::Basic), &[ISSUER]);
    let post = server.register("till", Some(SecretMethod::Post), &[ISSUER]);
    let (shop, till) = (server.open_for("jane", "shop"), server.open_for("john", "till"));
    let body = |refresh: &str, id: Option<&str>, secret: Option<&str>| {
        let mut body = json!({"refresh_token": refresh});
        if let Some(id) = id {
            body["client_id"] = id.into();
        }
        if let Some(secret) = secret {
            body["client_secret"] = secret.into();
        }
        Call::post("/v1/sessions/refresh").json(&body)
    };
    let code = |call: Call| {
        let reply = server.request(call);
        format!("{} {}", reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default())
    };
    for call in [
        body(&shop.refresh, Some("shop"), None),
        body(&shop.refresh, Some("shop"), Some(&basic)),
        body(&shop.refresh, Some("shop"), None).basic("shop", "wrong"),
        body(&shop.refresh, None, None).basic("till", &post),
        body(&till.refresh, Some("till"), None),
        body(&till.refresh, Some("till"), None).basic("till", &post),
        body(&till.refresh, None, Some(&post)),
        body(&shop.refresh, Some("unknown"), None),
        body(&shop.refresh, Some(""), None),
    ] {
        assert_eq!(code(call), "401 invalid_client");
    }
    let two_ways = body(&shop.refresh, Some("shop"), Some(&basic)).basic("shop", &basic);
    assert_eq!(code(two_ways), "400 invalid_request");
    assert_eq!(
        code(body(&shop.refresh, None, None)),
        "401 invalid_refresh_token",
        "as the first-party client"
    );
    assert_eq!(code(body(&shop.refresh, Some("first-party"), None)), "401 invalid_refresh_token");
    assert_eq!(server.refresh(&shop.refresh).status, 403, "the tutorial's route");
    let cookie = format!("__Host-countersign={}", shop.refresh);
    assert_eq!(
        code(Call::post("/v1/sessions/refresh").header("cookie", &cookie)),
        "401 invalid_refresh_token"
    );
    server.post("/logout", &json!({"refreshToken": shop.refresh}));
    let refreshed = server.request(body(&shop.refresh, None, None).basic("shop", &basic));
    assert_eq!(refreshed.status, 200, "the rejected requests did not revoke the session or use the token");
    assert_eq!(server.request(body(&till.refresh, Some("till"), Some(&post))).status, 200);
}

// B8
#[test]
fn introspection_shows_the_users_current_scope() {
    let server = Harness::new();
    let secret = server.register("orders", Some(SecretMethod::Basic), &[ISSUER]);
    server.add_admin("root");
    let tokens = server.sign_in_for("root", "countersign:admin");
    let scope = || server.introspect("orders", &secret, &tokens.access).json()["scope"].clone();
    assert!(scope().as_str().unwrap().contains("countersign:admin"));
    server.database().execute("UPDATE users SET role = 'user'", []).unwrap();
    assert_eq!(scope(), json!("countersign:account"));
}

// C3, C5
#[test]
fn a_signed_introspection_response_has_its_own_type_and_audience() {
    let server = Harness::new();
    let secret = server.register("orders", Some(SecretMethod::Basic), &[ISSUER]);
    let access = server.open_for("jane", "shop").access;
    let call = Call::post("/oauth2/introspect").basic("orders", &secret).form(&[("token", &access)]);
    let reply = server.request(call.header("accept", "application/token-introspection+jwt"));
    assert_eq!(reply.header("content-type"), Some("application/token-introspection+jwt"));
    let decoded = unverified::decode(&reply.text).unwrap();
    assert_eq!(decoded.header["typ"], "token-introspection+jwt");
    assert_eq!(decoded.claims["aud"], "orders");
    assert_eq!(decoded.claims["token_introspection"]["active"], true);
    let call = Call::post("/oauth2/introspect").basic("orders", &secret).form(&[("token", &access)]);
    let only_json = "application/token-introspection+jwt;q=0, application/json";
    let plain = server.request(call.header("accept", only_json));
    assert_eq!(plain.header("content-type"), Some("application/json"));
    // The signed response is not accepted as an access token, and neither is a page of the revocation list.
    assert_eq!(server.get_as("/protectedRoute", &reply.text).status, 403);
    assert_eq!(server.introspect("orders", &secret, &reply.text).status_and_body(), INACTIVE);
    let page = server.get("/revocations").text;
    assert_eq!(server.get_as("/protectedRoute", &page).status, 403);
    assert_eq!(server.introspect("orders", &secret, &page).status_and_body(), INACTIVE);
}

// B1
#[test]
fn a_client_must_use_its_registered_authentication_method() {
    let server = Harness::new();
    let basic = server.register("basic", Some(SecretMethod::Basic), &[ISSUER]);
    let post = server.register("post", Some(SecretMethod::Post), &[ISSUER]);
    server.register("public", None, &[]);
    let form = |fields: &[(&str, &str)]| Call::post("/oauth2/introspect").form(fields);
    let accepted = [
        form(&[("token", "x")]).basic("basic", &basic),
        form(&[("token", "x"), ("client_id", "basic")]).basic("basic", &basic),
        form(&[("token", "x"), ("client_id", "post"), ("client_secret", &post)]),
    ];
    for call in accepted {
        assert_eq!(server.request(call).status_and_body(), INACTIVE);
    }
    let refused = [
        ("no client", form(&[("token", "x")])),
        ("an unknown id", form(&[("token", "x")]).basic("unknown", &basic)),
        ("a wrong secret", form(&[("token", "x")]).basic("basic", &post)),
        ("no secret", form(&[("token", "x"), ("client_id", "basic")])),
        (
            "post for a basic client",
            form(&[("token", "x"), ("client_id", "basic"), ("client_secret", &basic)]),
        ),
        ("basic for a post client", form(&[("token", "x")]).basic("post", &post)),
        ("a public client", form(&[("token", "x"), ("client_id", "public")])),
        (
            "a public client with a secret",
            form(&[("token", "x"), ("client_id", "public"), ("client_secret", "x")]),
        ),
        ("a bearer token", form(&[("token", "x")]).bearer(&basic)),
        ("two headers", form(&[("token", "x")]).basic("basic", &basic).basic("basic", &basic)),
    ];
    let mut bodies = Vec::new();
    for (what, call) in refused {
        let reply = server.request(call);
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
        assert_eq!(reply.header("www-authenticate"), Some(r#"Basic realm="countersign""#), "{what}");
        assert_eq!(reply.json()["error"], "invalid_client", "{what}");
        bodies.push(reply.text);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "the response does not reveal which check failed");
    for (what, call) in [
        ("both methods", form(&[("token", "x"), ("client_secret", &basic)]).basic("basic", &basic)),
        ("an empty secret as well", form(&[("token", "x"), ("client_secret", "")]).basic("basic", &basic)),
        ("an assertion as well", form(&[("token", "x"), ("client_assertion", "x")]).basic("basic", &basic)),
        ("two client ids", form(&[("token", "x"), ("client_id", "post")]).basic("basic", &basic)),
        ("no token", form(&[]).basic("basic", &basic)),
        ("an empty token", form(&[("token", "")]).basic("basic", &basic)),
        ("a parameter twice", form(&[("token", "x"), ("token", "y")]).basic("basic", &basic)),
    ] {
        let reply = server.request(call);
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]),
            (400, &json!("invalid_request")),
            "{what}"
        );
    }
}

// B11
#[test]
fn the_database_contains_no_client_secret() {
    let server = Harness::new();
    let secret = server.register("orders", Some(SecretMethod::Basic), &[ISSUER]);
    let hash: Vec<u8> =
        server.database().query_row("SELECT secret_hash FROM clients", [], |row| row.get(0)).unwrap();
    assert_eq!(hash.len(), 32);
    for file in std::fs::read_dir(server.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn a_client_can_revoke_only_its_own_tokens() {
    let server = Harness::new();
    let secret = server.register("shop", Some(SecretMethod::Post), &[]);
    server.register("app", None, &[]);
    let revoke = |fields: &[(&str, &str)]| server.request(Call::post("/oauth2/revoke").form(fields));
    let as_shop =
        |token: &str| revoke(&[("token", token), ("client_id", "shop"), ("client_secret", &secret)]);
    let jane = server.open_for("jane", "shop");
    let joe = server.open_for("joe", "app");
    for token in [&joe.refresh, &joe.access] {
        let reply = as_shop(token);
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (400, &json!("invalid_grant")));
    }
    assert!(server.row(server.session_of(&joe.refresh)).live_user(server.now()).is_some());
    assert_eq!(as_shop(&jane.refresh).status_and_body(), "200 ");
    assert_eq!(as_shop(&jane.refresh).status, 200, "a second time");
    assert_eq!(as_shop("garbage").status, 200);
    let ended = |refresh: &str| server.row(server.session_of(refresh)).live_user(server.now()).is_none();
    assert!(ended(&jane.refresh));
    // A public client only sends its id. The revocation of an access token revokes its session.
    assert_eq!(
        revoke(&[("token", &joe.access), ("client_id", "app"), ("token_type_hint", "access_token")]).status,
        200
    );
    assert!(ended(&joe.refresh));
}

// incident 30, C10
#[test]
fn introspection_and_revocation_return_503_if_the_store_fails() {
    let server = Harness::new();
    let secret = server.register("shop", Some(SecretMethod::Basic), &[ISSUER]);
    let tokens = server.open_for("jane", "shop");
    let call = |path: &str| Call::post(path).basic("shop", &secret).form(&[("token", &tokens.refresh)]);
    server.database().execute_batch("ALTER TABLE sessions RENAME TO gone").unwrap();
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let reply = server.request(call(path));
        assert_eq!(reply.status, 503, "{path}");
        assert_eq!(reply.json()["error"], "temporarily_unavailable");
        assert!(reply.header("retry-after").is_some());
    }
    server
        .database()
        .execute_batch("ALTER TABLE gone RENAME TO sessions; ALTER TABLE clients RENAME TO away")
        .unwrap();
    assert_eq!(server.request(call("/oauth2/introspect")).status, 503);
}

// B10
#[test]
fn tokens_and_client_secrets_are_not_read_from_the_url() {
    let server = Harness::new();
    let secret = server.register("orders", Some(SecretMethod::Post), &[ISSUER]);
    let access = server.open_for("jane", "shop").access;
    let path = format!("/oauth2/introspect?token={access}&client_id=orders&client_secret={secret}");
    assert_eq!(server.request(Call::post(&path).form(&[])).status, 401);
    let wrong_method = server.request(Call::new(Method::GET, &path));
    assert_eq!(
        (wrong_method.status.as_u16(), &wrong_method.json()["error"]),
        (405, &json!("invalid_request"))
    );
}

impl Harness {
    fn refresh_as(&self, call: Call, fields: &[(&str, &str)]) -> Reply {
        self.request(call.form(&[&[("grant_type", "refresh_token")], fields].concat()))
    }
}

#[test]
fn a_client_refreshes_at_the_token_endpoint() {
    let server = Harness::new();
    let token = || Call::post("/oauth2/token");
    let tokens = server.open_for("jane", "app");
    let reply =
        server.refresh_as(token(), &[("client_id", "app"), ("refresh_token", &tokens.refresh), ("x", "y")]);
    let body = reply.json();
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, Some("no-store")), "{reply:?}");
    assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("orders:read")));
    assert_eq!(body["expires_in"], 900);
    let next = Tokens::of_first_party(&reply);
    assert_eq!(unverified::decode(&next.access).unwrap().claims["client_id"], "app");
    let first_party = server.sign_in("jane");
    let own = [("client_id", "first-party"), ("refresh_token", &*first_party.refresh)];
    assert_eq!(server.refresh_as(token(), &own).status, 200);
}

// C10
#[test]
fn the_token_endpoint_rejects_with_the_codes_of_oauth() {
    let server = Harness::new();
    let secret = server.register("shop", Some(SecretMethod::Basic), &[]);
    let tokens = server.open_for("jane", "app");
    let post = || Call::post("/oauth2/token");
    let refresh: &[(&str, &str)] = &[("refresh_token", &tokens.refresh)];
    let of_app = [&[("client_id", "app")], refresh].concat();
    let spent = Tokens::of_first_party(&server.refresh_as(post(), &of_app));
    server.wait_seconds(11);
    for (reply, status, code) in [
        (server.request(post().form(&of_app)), 400, "invalid_request"),
        (
            server.request(post().form(&[&[("grant_type", "password")], &of_app[..]].concat())),
            400,
            "unsupported_grant_type",
        ),
        (server.refresh_as(post(), &[("client_id", "app")]), 400, "invalid_request"),
        (server.refresh_as(post(), refresh), 401, "invalid_client"),
        (
            server.refresh_as(post(), &[("client_id", "nobody"), ("refresh_token", &spent.refresh)]),
            401,
            "invalid_client",
        ),
        (server.refresh_as(post().basic("shop", "csc_wrong"), refresh), 401, "invalid_client"),
        (
            server.refresh_as(post().basic("shop", &secret), &[("refresh_token", &spent.refresh)]),
            400,
            "invalid_grant",
        ),
        (
            server.refresh_as(post(), &[("client_id", "app"), ("refresh_token", "csr_made_up")]),
            400,
            "invalid_grant",
        ),
        (server.refresh_as(post(), &of_app), 400, "invalid_grant"),
        (
            server.refresh_as(post(), &[("client_id", "app"), ("refresh_token", &spent.refresh)]),
            400,
            "invalid_grant",
        ),
    ] {
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (status, &json!(code)), "{reply:?}");
        assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
    }
}

#[test]
fn every_endpoint_in_the_metadata_exists() {
    let server = Harness::new();
    let metadata = server.get("/.well-known/openid-configuration").json();
    assert_eq!(metadata, server.get("/.well-known/oauth-authorization-server").json());
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["grant_types_supported"], json!(["refresh_token"]));
    for name in
        ["jwks_uri", "token_endpoint", "introspection_endpoint", "revocation_endpoint", "revocation_feed_uri"]
    {
        let path = metadata[name].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        assert_ne!(server.get(path).status, 404, "{name}");
    }
    assert_eq!(server.get("/.well-known/oauth-authorization-server/other").status, 404);
}
