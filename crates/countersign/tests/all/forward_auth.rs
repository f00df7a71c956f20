//! Forward authentication: responses to checks from proxies, including checks that the real proxies in
//! `proxies.rs` do not send.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Call, Harness, Reply};

const PROXY: &str = "10.0.0.9";

/// A server that trusts the proxy at [`PROXY`], with this `forward_auth` configuration.
fn behind(forward_auth: &str) -> Harness {
    Harness::with(|config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config.forward_auth = toml::from_str(forward_auth).unwrap();
    })
}

fn harness() -> Harness {
    behind(
        r#"identity_headers = "x-auth-request"
               cookie = "session"
               sign_in = "https://app.example/sign-in?theme=dark"
               routes = [{ path = "/admin", scope = "countersign:admin" }, { path = "/assets", access = "public" }]"#,
    )
}

/// The access token of a new user.
fn signed_in(server: &Harness, name: &str) -> String {
    server.add_user(name);
    server.sign_in(name).access
}

fn envoy(server: &Harness, method: Method, path: &str, change: impl FnOnce(Call) -> Call) -> Reply {
    let call = Call::new(method, &format!("/authz/ext-authz{path}")).from(PROXY);
    server.request(change(call.header("host", "app.example").header("x-forwarded-proto", "https")))
}

#[test]
fn ext_authz_decides_about_the_request_that_envoy_forwards() {
    let server = harness();
    let user = server.add_user("jane");
    let access = server.sign_in("jane").access;
    let reply = envoy(&server, Method::PUT, "/orders/7?x=1", |call| call.bearer(&access));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-auth-request-user"), Some(user.id.as_str()));
    assert_eq!(reply.header("x-auth-request-preferred-username"), Some("jane"));
    assert_eq!(
        reply.header("x-auth-request-groups"),
        Some(""),
        "an empty header overwrites one from the client"
    );
    assert_eq!(envoy(&server, Method::GET, "/orders", |call| call).status, 401);
    assert_eq!(envoy(&server, Method::GET, "/", |call| call).status, 401);
    assert_eq!(envoy(&server, Method::GET, "/assets/x", |call| call).status, 200);
    let refused = envoy(&server, Method::GET, "/admin", |call| call.bearer(&access));
    assert_eq!(refused.status, 403);
    let challenge = r#"Bearer error="insufficient_scope", scope="countersign:admin""#;
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    let sent = envoy(&server, Method::GET, "/a?b=c", |call| call.header("accept", "text/html"));
    let location = "https://app.example/sign-in?theme=dark&rd=https%3A%2F%2Fapp.example%2Fa%3Fb%3Dc";
    assert_eq!((sent.status.as_u16(), sent.header("location")), (302, Some(location)));
    for path in ["/assets/../admin", "/assets/%2e%2e/admin", "//admin", "/assets;x"] {
        assert_eq!(envoy(&server, Method::GET, path, |call| call).status, 403, "{path}");
    }
}

#[test]
fn groups_come_from_claims_and_a_group_with_a_comma_is_omitted() {
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
fn a_check_that_a_client_could_have_sent_itself_is_rejected() {
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
    assert_eq!(ask(&forwarded, "192.0.2.1"), 403, "an address that is not trusted");
    for left_out in 0..forwarded.len() {
        let kept = forwarded.iter().enumerate().filter(|(index, _)| *index != left_out);
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
    for (index, invalid) in
        [(0, ""), (0, "GET /"), (3, "assets/x"), (3, "http://app.example/assets/x"), (3, "")]
    {
        let mut headers = forwarded;
        headers[index].1 = invalid;
        assert_eq!(ask(&headers, PROXY), 403, "{headers:?}");
    }
}

// G4
#[test]
fn every_header_that_describes_the_request_is_required() {
    let server = harness();
    let access = signed_in(&server, "jane");
    let nginx = [("x-original-url", "https://app.example/orders"), ("x-original-method", "GET")];
    let forwarded = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("x-forwarded-uri", "/orders"),
    ];
    let envoy = [("x-forwarded-proto", "https")];
    for (path, needed) in [
        ("/authz/auth-request", &nginx[..]),
        ("/authz/forward-auth", &forwarded),
        ("/authz/ext-authz/orders", &envoy),
    ] {
        for left_out in 0..=needed.len() {
            let kept = needed.iter().enumerate().filter(|(index, _)| *index != left_out);
            let call = Call::new(Method::GET, path).from(PROXY).bearer(&access);
            let reply = server.request(kept.fold(call, |call, (_, (name, value))| call.header(name, value)));
            let expected = if left_out == needed.len() { 200 } else { 403 };
            assert_eq!(reply.status, expected, "{path} without {:?}", needed.get(left_out));
        }
    }
}

// D10
#[test]
fn a_cookie_without_proof_of_its_origin_does_not_authenticate() {
    let server = harness();
    let access = signed_in(&server, "jane");
    let cookie = format!("session={access}");
    let ask = |path: &str, headers: &[(&str, &str)]| {
        let with = |call: Call, (name, value): &(&str, &str)| call.header(name, value);
        envoy(&server, Method::GET, path, |call| headers.iter().fold(call.header("cookie", &cookie), with))
    };
    let user = |reply: &Reply| reply.header("x-auth-request-preferred-username").map(str::to_owned);
    let own = ask("/assets/x", &[("sec-fetch-site", "same-origin")]);
    assert_eq!((own.status.as_u16(), user(&own)), (200, Some("jane".to_owned())));
    let bare = ask("/assets/x", &[]);
    assert_eq!((bare.status.as_u16(), user(&bare)), (200, Some(String::new())));
    assert_eq!(ask("/assets/x", &[("origin", "https://www.example")]).status, 403);
    assert_eq!(ask("/assets/x", &[("upgrade", "websocket")]).status, 403);
    let page = ask("/orders", &[("accept", "text/html")]);
    assert_eq!(page.status, 403, "no redirect, because a new sign-in would not help");
    let twice = ask("/orders", &[("sec-fetch-site", "same-origin"), ("cookie", "session=x; name=é")]);
    assert_eq!(twice.status, 403, "a duplicate cookie");
}

/// The check of one request in each of the three dialects (nginx, forward-auth, Envoy), with the scheme
/// that the proxy sends.
fn checks(scheme: &str, method: &str, path: &str) -> [Call; 3] {
    let nginx = Call::new(Method::GET, "/authz/auth-request")
        .header("x-original-url", &format!("{scheme}://app.example{path}"))
        .header("x-original-method", method);
    let forwarded = Call::new(Method::GET, "/authz/forward-auth")
        .header("x-forwarded-method", method)
        .header("x-forwarded-proto", scheme)
        .header("x-forwarded-host", "app.example")
        .header("x-forwarded-uri", path);
    let envoy = Call::new(method.parse().unwrap(), &format!("/authz/ext-authz{path}"))
        .header("host", "app.example")
        .header("x-forwarded-proto", scheme);
    [nginx, forwarded, envoy].map(|call| call.from(PROXY))
}

// incident 50
#[test]
fn extra_headers_that_applications_may_read_as_the_path_are_rejected() {
    let server = harness();
    for (dialect, call) in checks("https", "GET", "/assets/a.css").into_iter().enumerate() {
        assert_eq!(server.request(call).status, 200, "dialect {dialect}");
    }
    for name in ["x-original-url", "x-rewrite-url", "x_rewrite_url"] {
        for (dialect, call) in checks("https", "GET", "/assets/a.css").into_iter().enumerate() {
            assert_eq!(
                server.request(call.header(name, "/admin")).status,
                403,
                "{name} in dialect {dialect}"
            );
        }
    }
}

#[test]
fn a_route_for_options_allows_preflights_and_no_other_method() {
    let server = behind(r#"routes = [{ path = "/api", methods = ["OPTIONS"], access = "public" }]"#);
    for (method, expected) in [("OPTIONS", 200), ("GET", 401), ("HEAD", 401), ("POST", 401)] {
        for (dialect, call) in checks("https", method, "/api/orders").into_iter().enumerate() {
            let call = call.header("origin", "https://www.example").header("content-length", "0");
            assert_eq!(server.request(call).status, expected, "{method} in dialect {dialect}");
        }
    }
}

// incident 50
#[test]
fn method_override_headers_are_rejected_if_routes_depend_on_the_method() {
    let server = behind(r#"routes = [{ path = "/files", methods = ["GET"], access = "public" }]"#);
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        for (dialect, call) in checks("https", "GET", "/files/a").into_iter().enumerate() {
            assert_eq!(
                server.request(call.header(name, "DELETE")).status,
                403,
                "{name} in dialect {dialect}"
            );
        }
    }
}

/// If TLS ends one hop before the proxy that sends the check, this proxy sends the scheme `http`.
#[test]
fn the_scheme_that_browsers_use_can_be_configured() {
    for (scheme, expected) in [("", 403), (r#"scheme = "https""#, 200)] {
        let server = behind(&format!("cookie = \"session\"\n{scheme}"));
        let cookie = format!("session={}", signed_in(&server, "jane"));
        for (dialect, call) in checks("http", "POST", "/orders").into_iter().enumerate() {
            let call = call.header("cookie", &cookie).header("origin", "https://app.example");
            assert_eq!(server.request(call).status, expected, "{scheme} in dialect {dialect}");
        }
    }
}

// D10
#[test]
fn a_proxy_may_send_ws_or_wss_as_the_scheme() {
    let server = harness();
    let cookie = format!("session={}", signed_in(&server, "jane"));
    for (proto, origin, expected) in [
        ("wss", "https://app.example", 200),
        ("ws", "http://app.example", 200),
        ("wss", "http://app.example", 403),
        ("wss", "https://www.example", 403),
        ("ftp", "https://app.example", 403),
    ] {
        for (dialect, call) in checks(proto, "GET", "/socket").into_iter().enumerate() {
            let call = call.header("cookie", &cookie).header("origin", origin);
            let reply = server.request(call.header("sec-websocket-version", "13"));
            assert_eq!(reply.status, expected, "{proto} {origin} in dialect {dialect}");
        }
    }
}

// G4
#[test]
fn a_browser_is_only_redirected_back_to_configured_hosts() {
    let server = behind(
        r#"sign_in = "https://id.example/sign-in"
               hosts = ["wiki.example"]
               routes = [{ host = "App.example.", path = "/admin", scope = "x" }]"#,
    );
    for (host, location) in [
        ("app.example", "https://id.example/sign-in?rd=https%3A%2F%2Fapp.example%2Fa"),
        ("APP.example.:443", "https://id.example/sign-in?rd=https%3A%2F%2Fapp.example%2Fa"),
        ("wiki.example:8443", "https://id.example/sign-in?rd=https%3A%2F%2Fwiki.example%3A8443%2Fa"),
        ("id.example", "https://id.example/sign-in?rd=https%3A%2F%2Fid.example%2Fa"),
        ("mallory.example", "https://id.example/sign-in"),
        ("app.example.mallory.example", "https://id.example/sign-in"),
    ] {
        let call = Call::new(Method::GET, "/authz/ext-authz/a").from(PROXY).header("host", host);
        let call = call.header("x-forwarded-proto", "https").header("accept", "text/html");
        let reply = server.request(call);
        assert_eq!((reply.status.as_u16(), reply.header("location")), (302, Some(location)), "{host}");
    }
}

// G4
#[test]
fn ambiguous_user_names_are_sent_encoded_and_ambiguous_groups_are_omitted() {
    let server = harness();
    let groups =
        json!({"groups": ["staff", " admins", "admins ", "a,admins", "", "\tadmins", "root\u{a0}", "voilà"]});
    server.add(countersign::flows::accounts::NewAccount {
        username: "a,root".to_owned(),
        claims: Some(groups),
        ..Default::default()
    });
    let access = server.sign_in("a,root").access;
    let reply = envoy(&server, Method::GET, "/", |call| call.bearer(&access));
    assert_eq!(reply.header("x-auth-request-preferred-username"), Some("a%2Croot"));
    assert_eq!(reply.header("x-auth-request-groups"), Some("staff"));
}
