//! Cookie mode: the refresh token is in a cookie that scripts cannot read.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Call, Harness, PASSWORD, Reply};

const COOKIE: &str = "__Host-countersign";

fn signed_in() -> (Harness, Reply) {
    let server = Harness::new();
    server.add_user("jane");
    let body = json!({"username": "jane", "password": PASSWORD, "token_mode": "cookie"});
    let reply = server.post("/v1/sessions", &body);
    assert_eq!(reply.status, 201);
    (server, reply)
}

fn refresh(cookie: &str) -> Call {
    Call::post("/v1/sessions/refresh").header("cookie", &format!("theme=dark; {COOKIE}={cookie}"))
}

// D9
#[test]
fn the_refresh_token_is_sent_only_in_its_cookie() {
    let (_server, reply) = signed_in();
    assert!(reply.json().get("refresh_token").is_none() && !reply.text.contains("csr_"));
    let lines = reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let line = lines.into_iter().find(|line| line.starts_with("__Host-countersign=csr_")).unwrap();
    let (_, attributes) = line.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=604800");
}

// D9
#[test]
fn every_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
    let (_server, reply) = signed_in();
    let lines: Vec<_> =
        reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(line.starts_with("__Host-") && !line.contains("Domain"), "{line}");
        for attribute in ["Path=/;", "Secure;", "HttpOnly;", "SameSite=Strict;"] {
            assert!(line.contains(attribute), "{line}");
        }
    }
}

#[test]
fn a_refresh_by_cookie_needs_no_body_and_sets_the_next_cookie() {
    let (server, reply) = signed_in();
    let first = reply.cookie(COOKIE).unwrap();
    let refreshed = server.request(refresh(&first));
    let second = refreshed.cookie(COOKIE).unwrap();
    assert_eq!(refreshed.status, 200);
    assert!(first != second && !refreshed.text.contains("csr_"));
    assert_eq!(server.request(refresh(&second)).status, 200);
}

#[test]
fn a_rejected_cookie_is_deleted_from_the_browser() {
    let (server, reply) = signed_in();
    let access = reply.json()["access_token"].as_str().unwrap().to_owned();
    let cookie = reply.cookie(COOKIE).unwrap();
    let signed_out = server.request(Call::new(Method::DELETE, "/v1/sessions").bearer(&access));
    assert_eq!(signed_out.cookie(COOKIE).as_deref(), Some(""));
    let refused = server.request(refresh(&cookie));
    assert_eq!((refused.status.as_u16(), refused.cookie(COOKIE).as_deref()), (401, Some("")));
}

// D10
#[test]
fn a_page_of_another_origin_cannot_refresh_with_the_cookie() {
    let (server, reply) = signed_in();
    let cookie = reply.cookie(COOKIE).unwrap();
    let from = |site: &str, origin: &str| {
        let call = refresh(&cookie).header("sec-fetch-site", site).header("origin", origin);
        server.request(call.header("host", "id.example.com")).status.as_u16()
    };
    assert_eq!(from("cross-site", "https://evil.example"), 403);
    assert_eq!(from("same-site", "https://other.example.com"), 403);
    let old_browser =
        refresh(&cookie).header("origin", "https://evil.example").header("host", "id.example.com");
    assert_eq!(server.request(old_browser).status, 403);
    assert_eq!(server.refreshes("rotated"), 0);
    assert_eq!(from("same-origin", "https://id.example.com"), 200);
}

// D10
#[test]
fn form_and_text_bodies_are_rejected_where_json_is_expected() {
    let (server, _) = signed_in();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let body = json!({"username": "jane", "password": PASSWORD}).to_string();
        let call = Call::post("/v1/sessions").header("content-type", kind).bytes(body);
        assert_eq!(server.request(call).status, 415, "{kind}");
    }
}

// D2
#[test]
fn sign_out_with_only_the_cookie_revokes_the_session_and_deletes_the_cookie() {
    let (server, reply) = signed_in();
    let cookie = format!("{COOKIE}={}", reply.cookie(COOKIE).unwrap());
    let foreign = Call::post("/logout").header("cookie", &cookie).header("sec-fetch-site", "same-site");
    assert_eq!(server.request(foreign).status, 403, "a page of another origin");
    let signed_out = server.request(Call::post("/logout").header("cookie", &cookie));
    assert_eq!((signed_out.status.as_u16(), signed_out.cookie(COOKIE).as_deref()), (204, Some("")));
    let again = server.request(Call::post("/v1/sessions/refresh").header("cookie", &cookie));
    assert_eq!(again.status, 401);
}

// D9
#[test]
fn a_duplicate_cookie_fails_a_refresh_but_still_signs_out() {
    let (server, reply) = signed_in();
    let own = reply.cookie(COOKIE).unwrap();
    let orders = [format!("{COOKIE}={own}; {COOKIE}=other"), format!("{COOKIE}=other; {COOKIE}={own}")];
    for line in &orders {
        let twice = server.request(Call::post("/v1/sessions/refresh").header("cookie", line));
        assert_eq!(twice.status, 400, "{line}");
    }
    let two_lines = Call::post("/v1/sessions/refresh")
        .header("cookie", &format!("{COOKIE}=other"))
        .header("cookie", &format!("{COOKIE}={own}"));
    assert_eq!(server.request(two_lines).status, 400);
    let next = server.request(refresh(&own)).cookie(COOKIE).expect("the session is still valid");
    let signed_out = server.request(Call::post("/logout").header("cookie", &orders[1].replace(&own, &next)));
    assert_eq!((signed_out.status.as_u16(), signed_out.cookie(COOKIE).as_deref()), (204, Some("")));
    assert_eq!(server.request(refresh(&next)).status, 401);
}

// D2
#[test]
fn sign_out_uses_the_cookie_if_the_body_has_no_valid_token() {
    for body in [json!({}), json!({"refreshToken": ""}), json!({"refreshToken": "csr_no-token"}), json!(null)]
    {
        let (server, reply) = signed_in();
        let own = reply.cookie(COOKIE).unwrap();
        let call = Call::post("/logout").header("cookie", &format!("{COOKIE}={own}")).json(&body);
        assert_eq!(server.request(call).status, 204, "{body}");
        assert_eq!(server.request(refresh(&own)).status, 401, "{body}");
    }
}

#[test]
fn a_cookie_with_non_ascii_characters_does_not_hide_the_refresh_cookie() {
    let (server, reply) = signed_in();
    let line = format!("name=é; {COOKIE}={}", reply.cookie(COOKIE).unwrap());
    assert_eq!(server.request(Call::post("/v1/sessions/refresh").header("cookie", &line)).status, 200);
}

/// fetch, axios, ky and Angular's client each send a request without content in a different way.
#[test]
fn a_refresh_by_cookie_accepts_what_client_libraries_send_as_an_empty_body() {
    let (server, reply) = signed_in();
    let mut own = reply.cookie(COOKIE).unwrap();
    let form = "application/x-www-form-urlencoded";
    for (kind, body) in [
        ("application/json", ""),
        ("application/json;charset=utf8", ""),
        ("application/json", "{}"),
        ("application/json", "null"),
        ("application/json", r#"{"refresh_token":null}"#),
        (form, ""),
        ("text/plain;charset=UTF-8", ""),
        ("application/json;charset=utf-16", ""),
    ] {
        let call = refresh(&own).header("content-type", kind).bytes(body);
        let reply = server.request(call);
        assert_eq!(reply.status, 200, "{kind} {body:?}: {}", reply.text);
        own = reply.cookie(COOKIE).unwrap();
    }
    for (kind, body, expected) in
        [(form, "a=b", 415), ("application/json", "[]", 400), ("application/json", "{", 400)]
    {
        assert_eq!(server.request(refresh(&own).header("content-type", kind).bytes(body)).status, expected);
    }
    for kind in ["application/json", form, "text/plain", "application/json;charset=utf-16"] {
        let (server, reply) = signed_in();
        let cookie = format!("{COOKIE}={}", reply.cookie(COOKIE).unwrap());
        let call = Call::post("/logout").header("cookie", &cookie).header("sec-fetch-site", "same-origin");
        assert_eq!(server.request(call.header("content-type", kind)).status, 204, "{kind}");
        assert_eq!(server.request(refresh(&reply.cookie(COOKIE).unwrap())).status, 401, "{kind}");
    }
    let nothing = Call::post("/v1/sessions/refresh").header("content-type", "application/json").bytes("{}");
    assert_eq!(server.request(nothing).status, 400, "neither a token in the body nor a cookie");
}
