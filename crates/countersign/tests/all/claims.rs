//! Custom claims of users and sessions. Every route rejects invalid claims when they are written, and an
//! accepted claim never makes a later request fail.

use axum::http::Method;
use countersign::flows::accounts::NewAccount;
use countersign_token::unverified;
use serde_json::{Value, json};

use crate::harness::{Call, Harness};
use crate::process::command;

struct Desk {
    server: Harness,
    access: String,
}

impl Desk {
    fn new() -> Self {
        let server = Harness::new();
        server.add_admin("root");
        server.register_public("shop");
        let access = server.sign_in_for("root", "countersign:admin").access;
        Self { server, access }
    }

    /// Sends a body without reformatting it. Returns the status and the text of the response.
    fn send(&self, method: Method, path: &str, body: &str) -> (u16, String) {
        let call = Call::new(method, path).bearer(&self.access).header("content-type", "application/json");
        let reply = self.server.request(call.bytes(body));
        (reply.status.as_u16(), reply.text)
    }
}

const TOO_LARGE: &str = "18446744073709551616";

#[test]
fn a_number_that_would_be_rounded_is_rejected_by_every_route() {
    let desk = Desk::new();
    let id = desk.server.add_user("jane").id.to_string();
    for number in [TOO_LARGE, "-9223372036854775809", "1e-400", "3.14159265358979323846"] {
        let claims = format!(r#"{{"account":[{number}]}}"#);
        for (method, path, body) in [
            (Method::POST, "/v1/admin/users".to_owned(), format!(r#"{{"username":"x","claims":{claims}}}"#)),
            (Method::PATCH, format!("/v1/admin/users/{id}"), format!(r#"{{"claims":{claims}}}"#)),
            (
                Method::POST,
                "/v1/admin/sessions".to_owned(),
                format!(r#"{{"subject":"{id}","client_id":"shop","claims":{claims}}}"#),
            ),
        ] {
            let (status, text) = desk.send(method, &path, &body);
            let is_explained =
                text.contains(&format!("the number {number} would be rounded; write it as a string"));
            assert!(status == 400 && is_explained, "{path} {status} {text}");
        }
    }
}

#[test]
fn an_accepted_number_is_unchanged_in_the_access_token() {
    let desk = Desk::new();
    let claims = r#"{"account":18446744073709551615,"debt":-9223372036854775808,"share":0.1}"#;
    let body = format!(r#"{{"username":"jane","id":"7","claims":{claims}}}"#);
    assert_eq!(desk.send(Method::POST, "/v1/admin/users", &body).0, 201);
    let (status, text) =
        desk.send(Method::POST, "/v1/admin/sessions", r#"{"subject":"7","client_id":"shop"}"#);
    assert_eq!(status, 201, "{text}");
    let pair: Value = serde_json::from_str(&text).unwrap();
    let decoded = unverified::decode(pair["access_token"].as_str().unwrap()).unwrap().claims;
    for (name, value) in serde_json::from_str::<Value>(claims).unwrap().as_object().unwrap() {
        assert_eq!(&decoded[name], value, "{name}");
    }
}

#[test]
fn a_number_that_would_be_rounded_is_rejected_by_commands() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let run = |arguments: &[&str]| command(at).args(arguments).output().unwrap();
    assert!(run(&["migrate"]).status.success());
    let claims = format!(r#"{{"account":{TOO_LARGE}}}"#);
    std::fs::write(at.join("users.jsonl"), format!("{{\"username\":\"x\",\"claims\":{claims}}}\n")).unwrap();
    for arguments in [
        &["user", "add", "x", "--generate-password", "--claims", &claims][..],
        &["user", "import", "users.jsonl"],
    ] {
        let refused = run(arguments);
        let printed = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(printed.contains("would be rounded; write it as a string"), "{printed}");
    }
}

#[test]
fn claims_of_users_and_sessions_share_one_size_limit_on_every_route() {
    let desk = Desk::new();
    let large = |length: usize| json!({"x": "y".repeat(length)});
    let jane = desk.server.add(NewAccount {
        username: "jane".to_owned(),
        claims: Some(large(1000)),
        ..NewAccount::default()
    });
    let open = |claims: &Value| {
        let body = json!({"subject": jane.id.as_str(), "client_id": "shop", "claims": claims}).to_string();
        desk.send(Method::POST, "/v1/admin/sessions", &body)
    };
    assert_eq!(open(&json!({"own": "z".repeat(500)})).0, 201);
    let change = |length: usize| {
        let patch = json!({"claims": large(length)}).to_string();
        desk.send(Method::PATCH, &format!("/v1/admin/users/{}", jane.id), &patch)
    };
    assert_eq!(change(1010).0, 200);
    let (status, text) = change(1100);
    assert!(status == 422 && text.contains("of the session and of its user"), "{status} {text}");
    for claims in [json!({"own": "z".repeat(600)}), large(1600)] {
        let (status, text) = open(&claims);
        assert_eq!(status, 422, "{text}");
        assert!(text.contains("invalid_account") && text.contains("at most 1536 bytes"), "{text}");
    }
    let (status, text) = change(1600);
    assert!(status == 422 && text.contains("at most 1536 bytes"), "{status} {text}");
}

#[test]
fn unusual_claims_never_make_a_users_requests_fail() {
    let server = Harness::with(|config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config.forward_auth = toml::from_str(r#"identity_headers = "remote""#).unwrap();
    });
    let odd = ["", "  ", "a\nb", "a\r\nx: y", "\u{7f}", "a\u{0}b", "\u{85}", "\u{a0}", &"é,".repeat(60)];
    for (number, text) in odd.into_iter().enumerate() {
        let username = format!("user-{number}");
        let claims = json!({
            "name": text, "groups": ["staff", text, {"deep": [text]}, null], text: text, "email": text,
        });
        server.add(NewAccount { username: username.clone(), claims: Some(claims), ..NewAccount::default() });
        let tokens = server.sign_in(&username);
        assert_eq!(server.refresh(&tokens.refresh).status, 200, "{text:?}");
        assert_eq!(server.get_as("/protectedRoute", &tokens.access).status, 200, "{text:?}");
        let call = Call::new(Method::GET, "/authz/ext-authz/orders").from("10.0.0.9").bearer(&tokens.access);
        let reply = server.request(call.header("host", "app.example").header("x-forwarded-proto", "https"));
        assert_eq!(reply.status, 200, "{text:?}");
        let sent = |name: &str| reply.headers[name].to_str().unwrap().to_owned();
        assert_eq!((sent("remote-user"), sent("remote-name")), (username.clone(), username), "{text:?}");
        assert_eq!(sent("remote-groups"), "staff", "{text:?}");
    }
}
