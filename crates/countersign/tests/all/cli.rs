//! The commands: their output, exit codes and error messages.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::process::{Process, command, left_by_a_server};

const PASSWORD: &str = "vbzq mwtx krfj plnd";

pub(crate) fn run_with(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = command(directory);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads no input may have ended already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Output {
    run_with(directory, arguments, "")
}

pub(crate) fn stdout_text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr_text(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn run_ok(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr_text(&output));
    stdout_text(&output)
}

pub(crate) fn json_of(directory: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&run_ok(directory, &arguments)).unwrap()
}

pub(crate) fn run_failing(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stdout_text(&output));
    stderr_text(&output)
}

#[test]
fn every_command_has_help_and_wrong_usage_exits_with_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["--help"],
        vec!["serve", "--help"],
        vec!["user", "--help"],
        vec!["user", "add", "--help"],
        vec!["session", "revoke", "--help"],
        vec!["key", "rotate", "--help"],
        vec!["token", "verify", "--help"],
        vec!["config", "dump", "--help"],
    ] {
        assert!(run_ok(directory.path(), &arguments).contains("Usage: countersign"), "{arguments:?}");
    }
    for arguments in [vec!["serv"], vec!["user"], vec!["session", "revoke"], vec!["session", "show", "x"]] {
        assert_eq!(run(directory.path(), &arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert!(run_ok(directory.path(), &["--version"]).starts_with("countersign 0."));
}

#[test]
fn init_writes_a_usable_configuration_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    run_ok(directory.path(), &["init", "home"]);
    let key = directory.path().join("home/master-key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run_failing(directory.path(), &["init", "home"]);
    assert!(again.contains("already exists: init does not overwrite files"), "{again}");
    let config = ["--config", "home/countersign.toml"];
    let checked = run_ok(directory.path(), &[&config[..], &["config", "check"]].concat());
    let lines: Vec<_> = checked.lines().collect();
    let reach = "warning: `issuer`: apps on other machines cannot reach `http://localhost:3000`";
    assert!(lines[0].starts_with(reach), "{checked}");
    assert_eq!(lines[1..], ["The configuration is valid."]);
    let mut serve = command(directory.path());
    serve.args(config).args(["serve", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]);
    let server = Process::start(serve);
    assert_eq!(server.post("/getTokens", &json!({})).0, 401, "no demo user without --dev");
    let doctor = run_ok(directory.path(), &[&config[..], &["doctor"]].concat());
    assert!(doctor.contains(reach) && doctor.ends_with("No problems were found.\n"), "{doctor}");
    let (code, log) = server.stop();
    assert!(code == 0 && log.contains("a setting is probably a mistake"), "{log}");
}

#[test]
fn config_check_warns_about_the_issuer_and_overlapping_routes_without_failing() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let routes =
        r#"[{ path = "/admin", scope = "admin" }, { host = "b.test", path = "/", access = "public" }]"#;
    run_ok(at, &["init", "home"]);
    let more = format!("listen = '127.0.0.1:8080'\n[forward_auth]\nroutes = {routes}\n");
    std::fs::write(at.join("more.toml"), more).unwrap();
    let config = ["--config", "home/countersign.toml", "--config", "more.toml"];
    let checked = run_ok(at, &[&config[..], &["config", "check"]].concat());
    let lines: Vec<_> = checked.lines().collect();
    for (line, start) in lines.iter().zip([
        "warning: `issuer`: apps on other machines cannot reach",
        "warning: `issuer`: apps look for the server at the port 3000",
        "warning: `forward_auth.routes`: on `b.test`, the route `/` (public)",
    ]) {
        assert!(line.starts_with(start), "{checked}");
    }
    assert_eq!(lines[3..], ["The configuration is valid."]);
}

#[test]
fn accounts_are_created_shown_changed_and_deleted() {
    let directory = left_by_a_server();
    let at = directory.path();
    let added = run_with(
        at,
        &["user", "add", "jane", "--id", "7", "--claims", r#"{"team":"red"}"#, "--password-stdin"],
        PASSWORD,
    );
    assert_eq!(stdout_text(&added), "Added jane with the id 7.\n", "{}", stderr_text(&added));
    assert!(
        run_failing(at, &["user", "add", "jane", "--generate-password"]).contains("this username is taken")
    );
    let id_as_name = run_failing(at, &["user", "add", "7", "--generate-password"]);
    assert!(id_as_name.contains("this username is taken"), "{id_as_name}");
    let name_as_id = run_failing(at, &["user", "add", "other", "--id", "jane", "--generate-password"]);
    assert!(name_as_id.contains("this id is taken"), "{name_as_id}");
    let weak = run_with(at, &["user", "add", "john", "--password-stdin"], "passwordpassword");
    assert!(stderr_text(&weak).contains("first that an attacker would try"), "{}", stderr_text(&weak));
    let claims = ["user", "add", "x", "--claims", r#"{"exp":1}"#, "--generate-password"];
    assert!(run_failing(at, &claims).contains("`exp` is set by the server"));
    assert_eq!(json_of(at, &["user", "show", "jane"])["claims"]["team"], "red");
    let shown = run_ok(at, &["user", "show", "jane"]);
    assert!(
        shown.lines().all(|line| !line.trim().is_empty()) && shown.contains("{\"team\":\"red\"}"),
        "{shown}"
    );
    let asked = run_failing(at, &["user", "add", "olga"]);
    assert_eq!(
        asked,
        "error: cannot ask for a password without a terminal: use --password-stdin or --generate-password\n"
    );
    let server = Process::dev(at);
    let sign_in = || server.post("/getTokens", &json!({"username": "jane", "password": PASSWORD})).0;
    assert_eq!(sign_in(), 200);
    assert_eq!(run_ok(at, &["user", "disable", "jane"]), "jane (7) was disabled.\n");
    assert_eq!(sign_in(), 403);
    run_ok(at, &["user", "enable", "7"]);
    assert_eq!(sign_in(), 200);
    let generated = run_ok(at, &["user", "set-password", "jane", "--generate-password"]);
    let generated = generated.trim().strip_prefix("Password: ").unwrap();
    assert_eq!(sign_in(), 403);
    assert_eq!(server.post("/getTokens", &json!({"username": "jane", "password": generated})).0, 200);
    run_ok(at, &["user", "delete", "jane"]);
    assert!(run_failing(at, &["user", "show", "jane"]).contains("run `countersign user list`"));
    assert!(run_ok(at, &["user", "list"]).contains("john_doe"));
}

#[test]
fn sessions_are_listed_explained_and_revoked() {
    let directory = left_by_a_server();
    let at = directory.path();
    let server = Process::dev(at);
    let sign_in = || {
        let body: Value = serde_json::from_str(&server.post("/getTokens", &json!({})).1).unwrap();
        body["refreshToken"].as_str().unwrap().to_owned()
    };
    let refresh = |token: &str| server.post("/refreshToken", &json!({"refreshToken": token})).0;
    let (first, second) = (sign_in(), sign_in());
    let list = json_of(at, &["session", "list", "--user", "john_doe"]);
    assert_eq!((list.as_array().unwrap().len(), &list[0]["state"]), (2, &json!("live")));
    let id = list[0]["id"].as_str().unwrap();
    let story = run_ok(at, &["session", "explain", id]);
    assert!(story.contains("john_doe (1) signed in with client first-party, from 127.0.0.1"), "{story}");
    assert!(story.contains("It has not been refreshed yet.") && story.contains("It is live"), "{story}");
    assert_eq!(run_ok(at, &["session", "revoke", id]), format!("The session {id} was revoked.\n"));
    assert_eq!((refresh(&first), refresh(&second)), (403, 200));
    assert!(
        run_ok(at, &["session", "explain", id]).contains("an administrator ended it, with the command line")
    );
    assert!(run_failing(at, &["session", "revoke", id]).contains("no live session"));
    let listed = |arguments: &[&str]| json_of(at, arguments).as_array().unwrap().len();
    assert_eq!([listed(&["session", "list"]), listed(&["session", "list", "--all"])], [1, 2]);
    assert!(!run_ok(at, &["session", "list", "--user", "john_doe"]).contains(id));
    assert!(run_ok(at, &["session", "list", "--user", "john_doe", "--all"]).contains(id));
    assert_eq!(run_ok(at, &["session", "revoke", "--user", "john_doe"]), "1 sessions were revoked.\n");
    assert_eq!(refresh(&second), 403);
    sign_in();
    assert_eq!(run_ok(at, &["session", "revoke", "--client", "first-party"]), "1 sessions were revoked.\n");
    assert_eq!(run_ok(at, &["session", "revoke", "--all"]), "0 sessions were revoked.\n");
    assert_eq!(json_of(at, &["session", "show", id])["state"], "ended_by_admin");
    let shown = run_ok(at, &["session", "show", id]);
    let mut rows = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert!(rows.any(|words| words == ["state", "ended_by_admin"]), "{shown}");
    let unknown = run_failing(at, &["session", "show", "00000000-0000-7000-8000-000000000000"]);
    assert!(unknown.contains("there is no session"), "{unknown}");
}

#[test]
fn key_rotate_fails_while_verifiers_may_not_know_the_next_key_unless_forced() {
    let directory = left_by_a_server();
    let at = directory.path();
    let states = |keys: &Value| {
        let mut states: Vec<_> =
            keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        states
    };
    assert_eq!(states(&json_of(at, &["key", "list"])), ["active", "next"]);
    assert!(run_failing(at, &["key", "rotate"]).contains("may not know the next key before"));
    let rotated = json_of(at, &["key", "rotate", "--now"]);
    assert_eq!(states(&rotated), ["active", "next", "retired"]);
    let kid = |state: &str| {
        let keys = rotated.as_array().unwrap();
        keys.iter().find(|key| key["state"] == state).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    assert!(
        run_failing(at, &["key", "retire", &kid("active")]).contains("first run `countersign key rotate`")
    );
    assert_eq!(states(&json_of(at, &["key", "retire", &kid("retired")])), ["active", "next"]);
}

#[test]
fn token_decode_skips_the_checks_that_token_verify_makes() {
    let directory = left_by_a_server();
    let at = directory.path();
    let server = Process::dev(at);
    let body: Value = serde_json::from_str(&server.post("/getTokens", &json!({})).1).unwrap();
    let token = body["accessToken"].as_str().unwrap();
    let decoded = run(at, &["token", "decode", token]);
    assert!(stderr_text(&decoded).contains("Nothing was checked"));
    let claims: Value = serde_json::from_str(&stdout_text(&decoded)).unwrap();
    assert_eq!(claims["claims"]["username"], "john_doe");
    let refresh = run_failing(at, &["token", "decode", body["refreshToken"].as_str().unwrap()]);
    assert!(refresh.contains("this is a refresh token, which has no readable content"), "{refresh}");
    let url = format!("http://127.0.0.1:{}/.well-known/jwks.json", server.port);
    let issuer = format!("http://localhost:{}", server.port);
    let named = ["--issuer", &issuer, "--audience", &issuer];
    let verified = run_with(at, &[&["token", "verify", "-", "--jwks", &url], &named[..]].concat(), token);
    assert!(verified.status.success() && stderr_text(&verified).is_empty(), "{}", stderr_text(&verified));
    std::fs::write(at.join("keys.json"), server.get("/.well-known/jwks.json").1).unwrap();
    let believed = run(at, &["token", "verify", token, "--jwks", "keys.json"]);
    assert!(stderr_text(&believed).contains("use --issuer to check it"), "{}", stderr_text(&believed));
    let verify =
        |more: &[&str]| run_failing(at, &[&["token", "verify", token, "--jwks", "keys.json"], more].concat());
    for more in [
        &["--issuer", "https://other.example"][..],
        &["--audience", "https://other.example"],
        &["--typ", "JWT"],
        &["--alg", "RS256"],
    ] {
        assert!(!verify(more).is_empty());
    }
    let other = if token.ends_with('A') { "Q" } else { "A" };
    let tampered = format!("{}{other}", &token[..token.len() - 1]);
    assert!(run_failing(at, &["token", "verify", &tampered, "--jwks", "keys.json"]).contains("error"));
    assert!(
        run_failing(at, &["token", "verify", token, "--jwks", "absent.json"])
            .contains("cannot read absent.json")
    );
}

// G1
#[test]
fn config_dump_shows_origins_and_hides_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(at.join("c.toml"), "issuer = 'https://id.example.com'\nmaster_key = 'canary'\n").unwrap();
    let dump = json_of(at, &["--config", "c.toml", "config", "dump"]);
    assert_eq!(dump["issuer"], json!({"value": "https://id.example.com", "origin": "c.toml"}));
    assert_eq!(dump["master_key"], json!({"value": "(redacted)", "origin": "c.toml"}));
    assert_eq!(dump["refresh_token.grace"], json!({"value": "10s", "origin": "default"}));
    assert_eq!(dump["data_dir"]["origin"], "a flag");
    let human = run_ok(at, &["--config", "c.toml", "config", "dump"]);
    assert!(!human.contains("canary"));
    std::fs::write(at.join("bad.toml"), "isuer = 'x'\n").unwrap();
    let unknown = run_failing(at, &["--config", "bad.toml", "config", "check"]);
    assert!(unknown.contains("bad.toml: unknown key `isuer`; did you mean `issuer`?"), "{unknown}");
    let schema: Value = serde_json::from_str(&run_ok(at, &["config", "schema"])).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert!(run_ok(at, &["config", "reference"]).contains("| `refresh_token.grace` |"));
}

#[test]
fn migrate_doctor_and_backup_report_what_they_did() {
    let directory = left_by_a_server();
    let at = directory.path();
    assert_eq!(run_ok(at, &["migrate", "--dry-run"]), "The database is up to date (schema 11).\n");
    assert!(run_ok(at, &["doctor"]).ends_with("No problems were found.\n"));
    assert!(run_ok(at, &["backup", "copy.db"]).contains("The master key is not in it."));
    assert!(run_failing(at, &["backup", "copy.db"]).contains("overwrites nothing"));
    let new = tempfile::tempdir().unwrap();
    assert!(run_failing(new.path(), &["user", "list"]).contains("there is no database"));
    assert!(run_ok(new.path(), &["migrate", "--dry-run"]).starts_with("would run:"));
    assert!(run_ok(new.path(), &["migrate"]).ends_with("The database now has schema 11.\n"));
}

// G5
#[test]
fn config_check_warns_about_every_secret_file_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    run_ok(at, &["init"]);
    std::fs::write(at.join("legacy"), "a secret of the tutorial").unwrap();
    let file = at.join("countersign.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = format!("{text}\n[legacy]\nrefresh_secret_file = \"legacy\"\naccept_until = \"2030-01-01\"\n");
    let text = text.replacen("\n[legacy]\n", "\n# [legacy]\n", 1);
    std::fs::write(&file, text).unwrap();
    let names = |mode: u32| {
        for file in ["master-key", "legacy"] {
            std::fs::set_permissions(at.join(file), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let printed = run_ok(at, &["config", "check"]);
        ["master-key", "legacy"].map(|file| {
            printed.contains(&format!("other users can read ./{file}"))
                || printed.contains(&format!("other users can read {file}"))
        })
    };
    assert_eq!(names(0o644), [true, true]);
    assert_eq!(names(0o640), [true, true]);
    assert_eq!(names(0o600), [false, false]);
}
