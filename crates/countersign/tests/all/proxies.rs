//! nginx, Caddy and Envoy with the configuration of the examples, in front of an application that trusts
//! `Remote-User`.

pub(crate) mod site;

use serde_json::json;

use crate::process::{Process, eventually};
use site::{KINDS, Kind, Site, bearer};

#[test]
fn a_proxy_accepts_signed_in_users_and_forwards_their_identity() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = site.sign_in()["accessToken"].as_str().unwrap().to_owned();
        let (status, text) = site.get("/orders?id=7", "");
        assert_eq!(status, 401, "{kind:?}: {text}");
        assert_eq!(text.to_lowercase().matches("www-authenticate: bearer").count(), 1, "{kind:?}: {text}");
        assert_eq!(site.get("/orders", &bearer("abc")).0, 401, "{kind:?}");
        let (status, text) = site.get("/orders?id=7", &bearer(&token));
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(text.contains("GET /orders?id=7"), "{kind:?}: {text}");
        assert!(text.to_lowercase().contains("remote-user: john_doe"), "{kind:?}: {text}");
        let (status, _) =
            site.get("/orders", &format!("cookie: session={token}\r\nsec-fetch-site: none\r\n"));
        assert_eq!(status, 200, "{kind:?}: the cookie");
        let (status, text) = site.get("/assets/logo.svg", "");
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(!text.contains("john_doe"));
    }
}

#[test]
fn each_route_requires_its_own_scope() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        let (status, text) = site.get("/admin/users", &token);
        assert_eq!(status, 403, "{kind:?}: {text}");
        let (status, text) = site.get("/admin/users", &site.administrator());
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(text.to_lowercase().contains("remote-user: root"), "{kind:?}: {text}");
    }
}

// G4, incident 50
#[test]
fn a_client_cannot_forge_its_identity_or_the_checked_path() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        for name in [
            "Remote-User",
            "REMOTE-USER",
            "Remote_User",
            "remote_groups",
            "Remote-Email",
            "X-Forwarded-User",
            "X_Forwarded_User",
            "X-Forwarded_Groups",
            "X-Auth-Request-User",
            "x_auth_request_email",
        ] {
            for path in ["/orders", "/assets/x"] {
                let (status, text) = site.get(path, &format!("{token}{name}: mallory\r\n"));
                assert!(
                    !text.contains("mallory") && [200, 403].contains(&status),
                    "{kind:?}: {name}: {text}"
                );
            }
        }
        // A client cannot change the path or method that the server checks either.
        for header in [
            "X-Original-URL: http://app.example/assets/x",
            "X-Original-Method: OPTIONS",
            "X-Forwarded-Uri: /assets/x",
            "X_Forwarded_Uri: /assets/x",
            "X-Forwarded-Host: other.example",
            "X-Rewrite-URL: /assets/x",
            "X-Original-URL: /assets/x\r\nX-Original-URL: /assets/y",
        ] {
            let (status, text) = site.get("/admin", &format!("{header}\r\n"));
            assert!([401, 403].contains(&status), "{kind:?}: {header}: {text}");
        }
    }
}

// incident 50
#[test]
fn no_spelling_of_a_path_bypasses_its_route() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        for path in [
            "/admin",
            "/admin/",
            "/admin?x",
            "/%61dmin",
            "/ADMIN",
            "/Admin/x",
            "//admin",
            "/./admin",
            "/x/../admin",
            "/assets/../admin",
            "/assets/..%2fadmin",
            "/assets/%2e%2e/admin",
            "/assets/..;/admin",
            "/assets%2f..%2fadmin",
            "/assets//../admin",
            "/assets\\..\\admin",
            "/admin;x=/assets",
            "/admin%00",
            "/admin%2f",
            "/%2561dmin",
            "/admin%20",
            "/admin.",
            "/assets/%252e%252e/admin",
            "/adm%C4%B1n",
            "/%EF%BC%A1dmin",
            "/ad%E2%80%8Bmin",
            "/assets%EF%BC%8F..%EF%BC%8Fadmin",
            "/assets/%E2%80%A5/admin",
        ] {
            let (status, text) = site.get(path, &token);
            assert!(!text.contains("application saw") && status != 200, "{kind:?}: {path}: {text}");
        }
    }
}

#[test]
fn a_browser_is_redirected_to_the_sign_in_page_with_a_return_address() {
    for kind in KINDS {
        let site = Site::start(kind);
        let (status, text) =
            site.get("/orders?id=7&x", "accept: text/html,*/*\r\nsec-fetch-mode: navigate\r\n");
        let location = format!(
            "location: https://app.example/sign-in?rd=http%3A%2F%2Fapp.example%3A{}%2Forders%3Fid%3D7%26x",
            site.port
        );
        assert_eq!(status, 302, "{kind:?}: {text}");
        assert!(text.to_lowercase().contains(&location.to_lowercase()), "{kind:?}: {text}");
        for headers in ["accept: application/json\r\n", "accept: text/html\r\nsec-fetch-mode: cors\r\n"] {
            assert_eq!(site.get("/orders", headers).0, 401, "{kind:?}: {headers}");
        }
        assert_eq!(site.send("POST", "/orders", "accept: text/html\r\n").0, 401, "{kind:?}");
    }
}

// D10
#[test]
fn a_page_of_another_origin_cannot_use_the_cookie() {
    for kind in KINDS {
        let site = Site::start(kind);
        let cookie = site.cookie();
        let own = format!("origin: http://{}\r\n", site.host());
        for (headers, expected) in [
            ("sec-fetch-site: same-origin\r\n", 200),
            (own.as_str(), 200),
            ("sec-fetch-site: cross-site\r\n", 403),
            ("sec-fetch-site: same-site\r\n", 403),
            ("sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n", 403),
            ("origin: http://mallory.example\r\n", 403),
            ("", 403),
        ] {
            let (status, text) = site.send("POST", "/orders", &format!("{cookie}{headers}"));
            assert_eq!(status, expected, "{kind:?}: {headers:?}: {text}");
        }
        for (headers, expected) in [
            ("sec-fetch-site: none\r\n", 200),
            ("sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n", 200),
            ("sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n", 403),
            ("sec-fetch-site: same-site\r\nsec-fetch-mode: no-cors\r\nsec-fetch-dest: image\r\n", 403),
            ("origin: http://mallory.example\r\n", 403),
            ("", 403),
        ] {
            let (status, text) = site.get("/orders", &format!("{cookie}{headers}"));
            assert_eq!(status, expected, "{kind:?}: {headers:?}: {text}");
        }
        let (status, text) = site.get("/assets/logo.svg", &cookie);
        assert_eq!(status, 200, "{kind:?}: {text}");
        assert!(!text.contains("john_doe"), "{kind:?}: the server ignores the cookie: {text}");
    }
}

// D10
#[test]
fn a_page_of_another_origin_cannot_open_a_websocket_with_the_cookie() {
    for kind in KINDS {
        let site = Site::start(kind);
        let cookie = site.cookie();
        let own = format!("origin: http://{}\r\n", site.host());
        let opened = |headers: &str| site.open_socket(&format!("{cookie}{headers}"));
        let (status, text) = opened(&own);
        assert_eq!(status, 101, "{kind:?}: {text}");
        assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{kind:?}: {text}");
        assert!(text.to_lowercase().contains("remote-user: john_doe"), "{kind:?}: {text}");
        assert_eq!(
            opened(&format!("{own}sec-fetch-site: same-origin\r\nsec-fetch-mode: websocket\r\n")).0,
            101
        );
        for headers in [
            "origin: http://mallory.example\r\n",
            "origin: http://mallory.example\r\nsec-fetch-site: same-site\r\nsec-fetch-mode: websocket\r\n",
            "origin: null\r\n",
            "sec-fetch-site: none\r\n",
            "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n",
            "",
        ] {
            let (status, text) = opened(headers);
            assert_eq!(status, 403, "{kind:?}: {headers:?}: {text}");
            assert!(!text.contains("application saw"), "{kind:?}: {headers:?}: {text}");
        }
    }
}

// D10
#[test]
fn cookies_are_rejected_if_envoy_does_not_forward_all_headers() {
    let all = r#"- safe_regex: { regex: ".*" }"#;
    let some = "[{ exact: cookie }, { exact: accept }, { exact: x-forwarded-proto }]";
    let site = Site::start_with(Kind::Envoy, |text| {
        let line = format!("patterns:\n                          {all}");
        assert!(text.contains(&line));
        text.replace(&line, &format!("patterns: {some}"))
    });
    let (cookie, own) = (site.cookie(), format!("origin: http://{}\r\n", site.host()));
    for headers in [own.as_str(), "origin: http://mallory.example\r\n", "sec-fetch-site: none\r\n"] {
        let headers = format!("{cookie}{headers}");
        for (status, text) in [site.open_socket(&headers), site.get("/orders", &headers)] {
            assert_eq!(status, 403, "{headers:?}: {text}");
        }
    }
    let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
    assert_eq!(site.get("/orders", &token).0, 200, "Envoy always forwards `Authorization`");
}

// incident 50
#[test]
fn no_spelling_of_a_host_bypasses_its_route() {
    for kind in KINDS {
        let site = Site::start(kind);
        let token = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        for host in [
            "secret.example",
            "SECRET.example",
            "secret.example.",
            "Secret.Example.:80",
            "secret.example:80:80",
            "secret.example:x]",
            "secret.example:80]",
            "[secret.example]",
            "secret.example:+80",
            "secret.example%2e",
        ] {
            let (status, text) = site.send_to(host, "GET", "/orders", &token);
            assert!(status >= 400 && !text.contains("application saw"), "{kind:?}: {host}: {text}");
        }
        let (status, text) = site.send_to(&site.host(), "GET", "http://secret.example/orders", &token);
        assert!(status >= 400 && !text.contains("application saw"), "{kind:?}: the absolute form: {text}");
    }
}

// C10, D2
#[test]
fn a_proxy_rejects_requests_after_sign_out_and_while_the_server_is_down() {
    for kind in KINDS {
        let mut site = Site::start(kind);
        let pair = site.sign_in();
        let token = bearer(pair["accessToken"].as_str().unwrap());
        assert_eq!(site.get("/orders", &token).0, 200, "{kind:?}");
        site.server.post("/logout", &json!({"refreshToken": pair["refreshToken"]}));
        assert_eq!(site.get("/orders", &token).0, 401, "{kind:?}: the next request");
        let other = bearer(site.sign_in()["accessToken"].as_str().unwrap());
        site.server.child.kill().unwrap();
        site.server.child.wait().unwrap();
        let (status, text) = site.get("/orders", &other);
        assert!(status >= 500 && !text.contains("application saw"), "{kind:?}: {text}");
    }
}

#[test]
fn only_a_trusted_proxy_may_request_a_check() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let request = "GET /authz/auth-request HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                   x-original-url: http://app.example/assets/x\r\nx-original-method: GET\r\n\r\n";
    let (status, _) = server.send(request);
    assert_eq!(status, 403);
    assert!(
        eventually(|| server.log.lock().unwrap().contains("trusted_proxies")),
        "the log explains the rejection"
    );
}
