//! User names that could be confused with another user's name or id, in commands, at sign-up and in existing
//! accounts.

use std::path::Path;

use countersign_core::user::Username;
use serde_json::{Value, json};

use crate::harness::{Harness, PASSWORD};
use crate::process::command;

/// Whether a command succeeded, and its standard output and standard error.
fn run(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = command(directory).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text)
}

fn is_disabled(directory: &Path, user: &str) -> bool {
    let (done, text) = run(directory, &["user", "show", user, "--json"]);
    assert!(done, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["disabled"].as_bool().unwrap()
}

#[test]
fn a_command_rejects_text_that_is_one_users_id_and_anothers_name() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert!(run(at, &["migrate"]).0);
    for (name, id) in [("victim", "5"), ("rival", "9")] {
        let (done, text) = run(at, &["user", "add", name, "--id", id, "--generate-password"]);
        assert!(done, "{text}");
    }
    // An older release accepted this name.
    let database = rusqlite::Connection::open(at.join("data/countersign.db")).unwrap();
    database.execute("UPDATE users SET username = '5', username_key = '5' WHERE id = '9'", []).unwrap();
    for arguments in [
        &["user", "disable", "5"][..],
        &["user", "show", "5"],
        &["user", "delete", "5"],
        &["user", "set-password", "5", "--generate-password"],
        &["session", "list", "--user", "5"],
        &["session", "revoke", "--user", "5"],
    ] {
        let (done, text) = run(at, arguments);
        assert!(!done, "{arguments:?}");
        assert!(text.contains("victim (id 5) or 5 (id 9): write id:ID or name:NAME"), "{text}");
    }
    assert!(run(at, &["user", "disable", "name:5"]).0);
    assert_eq!([is_disabled(at, "id:5"), is_disabled(at, "9")], [false, true]);
    assert!(run(at, &["user", "disable", "id:5"]).0);
    assert!(is_disabled(at, "victim"));
    assert!(run(at, &["session", "revoke", "--user", "id:5"]).0);
}

#[test]
fn sign_up_rejects_names_that_look_like_other_names() {
    let server = Harness::with(|config| config.registration.enabled = true);
    let anna = server.add_user("anna");
    let sign_up = |name: &str| {
        let reply = server.post("/v1/users", &json!({"username": name, "password": PASSWORD}));
        (reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default().to_owned(), reply.text)
    };
    for name in ["\u{430}nna", "anna  maria", "an\u{200d}na", "anna☺"] {
        let (status, code, text) = sign_up(name);
        assert_eq!((status, code.as_str()), (422, "invalid_account"), "{name:?} {text}");
    }
    let (_, _, text) = sign_up("\u{430}nna");
    assert!(text.contains("UTS 39"), "{text}");
    for name in [anna.id.as_str(), "ANNA", "ａｎｎａ"] {
        let (status, code, text) = sign_up(name);
        assert_eq!((status, code.as_str()), (409, "username_taken"), "{name:?} {text}");
    }
    for name in ["Анна", "anna maria", "anna@example.com"] {
        assert_eq!(sign_up(name).0, 201, "{name}");
    }
}

#[test]
fn an_existing_account_can_sign_in_with_a_name_that_sign_up_now_rejects() {
    let server = Harness::new();
    let mut user = server.add_user("anna");
    for (id, name) in [("a", "\u{430}nna"), ("b", "anna  maria"), ("c", "anna☺")] {
        user.id = id.parse().unwrap();
        user.username = Username::parse(name).unwrap();
        server.runtime.block_on(server.edge.app.store.add_user(&[], &user)).unwrap();
        server.sign_in(name);
    }
}
