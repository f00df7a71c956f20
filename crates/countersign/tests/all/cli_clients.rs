//! The commands for clients and for their sessions.

use std::path::Path;

use serde_json::json;

use crate::cli::{json_of, run, run_failing, run_ok, stderr_text, stdout_text};
use crate::process::{Process, left_by_a_server};

/// The warnings of a command that succeeds.
fn warnings_of(at: &Path, arguments: &[&str]) -> String {
    let output = run(at, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr_text(&output));
    stderr_text(&output)
}

#[test]
fn a_client_without_options_is_confidential_and_can_have_sessions() {
    let directory = left_by_a_server();
    let at = directory.path();
    let added = run(at, &["client", "add", "my-app"]);
    assert!(added.status.success() && stderr_text(&added).is_empty(), "{}", stderr_text(&added));
    assert!(stdout_text(&added).contains("client_secret  csc_"));
    let shown = json_of(at, &["client", "show", "my-app"]);
    assert_eq!((&shown["kind"], &shown["grant_types"]), (&json!("confidential"), &json!(["refresh_token"])));
    run_ok(at, &["client", "update", "my-app", "--idle-lifetime", "14d"]);
    let table = run_ok(at, &["client", "show", "my-app"]);
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [["grant_types", "refresh_token"], ["idle_lifetime", "14d"], ["grace", "default"]] {
        assert!(rows.iter().any(|words| words[..] == row), "{row:?}: {table}");
    }
}

#[test]
fn a_misspelt_client_is_not_taken_for_one_without_sessions() {
    let directory = left_by_a_server();
    let at = directory.path();
    let server = Process::dev(at);
    server.post("/getTokens", &json!({}));
    run_ok(at, &["client", "add", "shop", "--authentication", "none"]);
    for command in ["list", "revoke"] {
        let unknown = run_failing(at, &["session", command, "--client", "shpo"]);
        assert_eq!(
            unknown,
            "error: no client has the id shpo: run `countersign client list` to see all clients\n"
        );
    }
    let sessions_of =
        |client: &str| json_of(at, &["session", "list", "--client", client]).as_array().unwrap().len();
    assert_eq!((sessions_of("first-party"), sessions_of("shop")), (1, 0));
    let both = run(at, &["session", "list", "--client", "shop", "--user", "john_doe"]);
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(run_ok(at, &["session", "revoke", "--client", "shop"]), "0 sessions were revoked.\n");
    assert_eq!(run_ok(at, &["session", "revoke", "--client", "first-party"]), "1 sessions were revoked.\n");
}

#[test]
fn a_setting_without_the_effect_that_it_seems_to_have_is_warned_about() {
    let directory = left_by_a_server();
    let at = directory.path();
    let long = warnings_of(at, &["client", "add", "app", "--access-token-lifetime", "1h", "--json"]);
    assert!(
        long.contains("warning: the access token lifetime has no effect") && long.contains("15m"),
        "{long}"
    );
    assert_eq!(warnings_of(at, &["client", "update", "app", "--access-token-lifetime", "15m"]), "");
    let idle = warnings_of(at, &["client", "update", "app", "--idle-lifetime", "60d"]);
    assert!(idle.contains("longer than `refresh_token.absolute_lifetime` (30d)"), "{idle}");
    assert_eq!(warnings_of(at, &["client", "update", "app", "--absolute-lifetime", "90d"]), "");
    let grants = warnings_of(at, &["client", "update", "app", "--grant", "client_credentials"]);
    assert!(grants.contains("warning: no session can be opened or refreshed for app"), "{grants}");
}

#[test]
fn refused_settings_say_what_is_allowed() {
    let directory = left_by_a_server();
    let at = directory.path();
    run_ok(at, &["client", "add", "app", "--authentication", "none", "--scope", ""]);
    assert_eq!(json_of(at, &["client", "show", "app"])["scope"], "", "an empty scope is no scope");
    let before = json_of(at, &["client", "show", "app"]);
    for (change, expected) in [
        (["--scope", "orders:read,orders:write"], "separated by spaces, and have no commas"),
        (["--audience", "https://api.example"], "a public client has no audiences"),
        (["--grace", "10m"], "between 0 seconds (never) and 5 minutes"),
        (["--authentication", "basic"], "cannot be changed: remove the client"),
    ] {
        let refused = run_failing(at, &[&["client", "update", "app"], &change[..]].concat());
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!(json_of(at, &["client", "show", "app"]), before);
    let malformed = run(at, &["client", "update", "app", "--grace", "11y"]);
    assert_eq!(malformed.status.code(), Some(2));
    assert!(stderr_text(&malformed).contains("between `0s` (never) and `5m`"), "{}", stderr_text(&malformed));
    for command in [["show"], ["remove"], ["rotate-secret"], ["add"]] {
        let built_in = run_failing(at, &[&["client"], &command[..], &["first-party"]].concat());
        assert!(built_in.contains("first-party is a client of this server itself"), "{built_in}");
    }
    let unknown = run_failing(at, &["client", "show", "shop"]);
    assert!(unknown.contains("run `countersign client list`"), "{unknown}");
}
