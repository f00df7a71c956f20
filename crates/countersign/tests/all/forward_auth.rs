//! What proxies are told, in the dialects that no proxy of the machine speaks too: Envoy's, and odd inquiries.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Call, Harness, Reply};

const PROXY: &str = "10.0.0.9";

fn harness() -> Harness {
    Harness::with(|config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config.forward_auth = toml::from_str(
            r#"identity_headers = "x-auth-request"
               sign_in = "https://app.example/sign-in?theme=dark"
               routes = [{ path = "/admin", scope = "countersign:admin" }, { path = "/assets", access = "public" }]"#,
        )
        .unwrap();
    })
}

fn envoy(server: &Harness, method: Method, path: &str, change: impl FnOnce(Call) -> Call) -> Reply {
    let call = Call::new(method, &format!("/authz/ext-authz{path}")).from(PROXY);
    server.request(change(call.header("host", "app.example").header("x-forwarded-proto", "https")))
}

#[test]
fn envoy_is_answered_about_the_request_that_it_sends() {
    let server = harness();
    let user = server.add_user("jane");
    let access = server.sign_in("jane").access;
    let reply = envoy(&server, Method::PUT, "/orders/7?x=1", |call| call.bearer(&access));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-auth-request-user"), Some(user.id.as_str()));
    assert_eq!(reply.header("x-auth-request-preferred-username"), Some("jane"));
    assert_eq!(reply.header("x-auth-request-groups"), Some(""), "it replaces what the client sent");
    assert_eq!(envoy(&server, Method::GET, "/orders", |call| call).status, 401);
    assert_eq!(envoy(&server, Method::GET, "/", |call| call).status, 401);
    assert_eq!(envoy(&server, Method::GET, "/assets/x", |call| call).status, 200);
    let refused = envoy(&server, Method::GET, "/admin", |call| call.bearer(&access));
    assert_eq!(refused.status, 403);
    let challenge = r#"Bearer error="insufficient_scope", scope="countersign:admin""#;
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    let sent = envoy(&server, Method::GET, "/a?b=c", |call| call.header("accept", "text/html"));
    let place = "https://app.example/sign-in?theme=dark&rd=https%3A%2F%2Fapp.example%2Fa%3Fb%3Dc";
    assert_eq!((sent.status.as_u16(), sent.header("location")), (302, Some(place)));
    for path in ["/assets/../admin", "/assets/%2e%2e/admin", "//admin", "/assets;x"] {
        assert_eq!(envoy(&server, Method::GET, path, |call| call).status, 403, "{path}");
    }
}

#[test]
fn groups_come_from_the_users_claims_and_none_becomes_two() {
    let server = harness();
    let claims = json!({"groups": ["staff", "a,admins", 7, "night shift"]});
    server.add(countersign::flows::accounts::NewAccount {
        username: "jane".to_owned(),
        claims: Some(claims),
        ..Default::default()
    });
    let access = server.sign_in("jane").access;
    let reply = envoy(&server, Method::GET, "/", |call| call.bearer(&access));
    assert_eq!(reply.header("x-auth-request-groups"), Some("staff,night shift"));
}

// G4
#[test]
fn an_inquiry_that_could_be_a_clients_own_is_refused() {
    let server = harness();
    let forwarded = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("x-forwarded-uri", "/assets/x"),
    ];
    let ask = |headers: &[(&str, &str)], from: &str| {
        let call = Call::new(Method::GET, "/authz/forward-auth").from(from);
        let with = |call: Call, (name, value): &(&str, &str)| call.header(name, value);
        server.request(headers.iter().fold(call, with)).status.as_u16()
    };
    assert_eq!(ask(&forwarded, PROXY), 200);
    assert_eq!(ask(&forwarded, "192.0.2.1"), 403, "a stranger");
    for left_out in 0..forwarded.len() {
        let kept = forwarded.iter().enumerate().filter(|(place, _)| *place != left_out);
        let rest: Vec<_> = kept.map(|(_, header)| *header).collect();
        assert_eq!(ask(&rest, PROXY), 403, "without {:?}", forwarded[left_out]);
    }
    for extra in [
        ("x-forwarded-uri", "/assets/y"),
        ("x_forwarded_uri", "/assets/x"),
        ("remote-user", "root"),
        ("remote_user", "root"),
        ("x-forwarded-groups", "admins"),
        ("x-auth.request-user", "root"),
    ] {
        assert_eq!(ask(&[&forwarded[..], &[extra]].concat(), PROXY), 403, "{extra:?}");
    }
    for (place, bad) in [(0, ""), (0, "GET /"), (3, "assets/x"), (3, "http://app.example/assets/x"), (3, "")]
    {
        let mut headers = forwarded;
        headers[place].1 = bad;
        assert_eq!(ask(&headers, PROXY), 403, "{headers:?}");
    }
}
