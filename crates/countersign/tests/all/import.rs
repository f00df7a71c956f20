//! `user import`: adds the accounts of another system with their password hashes.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::process::{Process, command, left_by_a_server};

/// The bcrypt hash of [`PASSWORD`] with cost 5, from bcryptjs.
const BCRYPT: &str = "$2b$05$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi";
/// The PBKDF2-HMAC-SHA256 hash of [`PASSWORD`] with 1000 iterations, from Django.
const DJANGO: &str = "pbkdf2_sha256$1000$2rsKTMdQugL5CXoU4PhqMv$qHeML+asA16ump7qyYQ/VXA3isvVHTQdaY33m4wzigc=";
/// NFKC changes the superscript to an ordinary 2. Other systems hash the password without this normalization.
const PASSWORD: &str = "twelve² metres of rope";

fn import(at: &Path, flags: &[&str], file: &str, text: &str) -> Output {
    std::fs::write(at.join(file), text).unwrap();
    command(at).args(["user", "import", file]).args(flags).output().unwrap()
}

fn show(at: &Path, name: &str) -> Output {
    command(at).args(["user", "show", name, "--json"]).output().unwrap()
}

fn shown(at: &Path, name: &str) -> Value {
    let output = show(at, name);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

// E6
#[test]
fn imported_users_sign_in_with_old_passwords_and_get_new_hashes() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Process::dev(at);
    let lines = [
        json!({"username": "jane", "id": 7, "email": "jane@example.com", "email_verified": true,
               "created_at": "2024-01-31T10:00:00Z", "password_hash": BCRYPT}),
        json!({"username": "john", "role": "admin", "created_at": 1_706_695_200_000_u64, "password_hash": DJANGO}),
        json!({"email": "joe@example.com", "disabled": true, "password_hash": BCRYPT}),
    ];
    let file = lines.map(|line| line.to_string()).join("\n");
    let refused = import(at, &[], "users.jsonl", &file);
    assert!(
        text(&refused.stderr).contains("line 2: `role`: an `admin` may read and change every account"),
        "{refused:?}"
    );
    let output = import(at, &["--allow-admins"], "users.jsonl", &file);
    assert_eq!(text(&output.stdout), "3 accounts were added.\n", "{output:?}");
    assert!(text(&output.stderr).contains("Every sign-in now also does the work"), "{output:?}");
    let jane = shown(at, "jane");
    assert_eq!((&jane["id"], &jane["email_verified"]), (&json!("7"), &json!(true)));
    let john = shown(at, "john");
    assert_eq!(john["role"], "admin");
    for user in [jane, john] {
        assert_eq!(user["created_at"], "2024-01-31T10:00:00Z");
    }
    assert_eq!(shown(at, "joe@example.com")["disabled"], true);
    let sign_in = |name: &str, password: &str| {
        server.post("/getTokens", &json!({"username": name, "password": password})).0
    };
    for name in ["jane", "john"] {
        assert_eq!(sign_in(name, "twelve metres of rope"), 403);
        // The first sign-in hashes the normalized password, so the spelling with an ordinary 2 then works.
        for password in [PASSWORD, PASSWORD, "twelve2 metres of rope"] {
            assert_eq!(sign_in(name, password), 200, "{name} {password}");
        }
    }
    assert_eq!(sign_in("joe@example.com", PASSWORD), 403, "the account is disabled");
}

#[test]
fn import_accepts_json_lines_json_arrays_csv_and_standard_input() {
    let directory = left_by_a_server();
    let at = directory.path();
    let array = format!("\u{feff}[{}, {}]", json!({"username": "a"}), json!({"username": "b"}));
    assert_eq!(text(&import(at, &[], "users.json", &array).stdout), "2 accounts were added.\n");
    let csv = "\u{feff}id,username,email,email_verified,disabled,created_at,claims\r\n\
               9,c,c@example.com,t,f,2024-01-31 10:00:00+00,\"{\"\"team\"\":\"\"red\"\"}\"\r\n";
    let output = import(at, &[], "users.csv", csv);
    assert_eq!(text(&output.stdout), "1 accounts were added.\n", "{output:?}");
    let user = shown(at, "c");
    assert_eq!(user["claims"], json!({"team": "red"}));
    for (name, value) in [("id", json!("9")), ("email_verified", json!(true)), ("disabled", json!(false))] {
        assert_eq!(user[name], value, "{name}");
    }
    assert_eq!(user["created_at"], "2024-01-31T10:00:00Z");
    let mut command = command(at);
    command.args(["user", "import", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut piped = command.spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"{\"username\":\"d\"}\n").unwrap();
    let output = piped.wait_with_output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, json!({"added": 1, "skipped": 0}));
}

#[test]
fn an_import_adds_no_account_if_one_cannot_be_added() {
    let directory = left_by_a_server();
    let at = directory.path();
    assert!(import(at, &[], "a.jsonl", "{\"username\":\"jane\"}").status.success());
    let both = "{\"username\":\"new\"}\n{\"username\":\"JANE\"}\n";
    let output = import(at, &[], "b.jsonl", both);
    assert!(!output.status.success());
    let printed = text(&output.stderr);
    assert!(printed.contains("b.jsonl line 2: this username is taken"), "{printed}");
    assert!(
        printed.contains("nothing was imported: 1 accounts cannot be added; --skip-existing"),
        "{printed}"
    );
    assert!(!show(at, "new").status.success());
    // An import of the same file adds only the accounts that are missing.
    for expected in ["1 accounts were added, 1 were skipped.\n", "0 accounts were added, 2 were skipped.\n"] {
        assert_eq!(text(&import(at, &["--skip-existing"], "b.jsonl", both).stdout), expected);
    }
}

#[test]
fn a_dry_run_reports_the_outcome_of_each_record_and_changes_nothing() {
    let directory = left_by_a_server();
    let at = directory.path();
    assert!(import(at, &[], "a.jsonl", "{\"username\":\"jane\"}").status.success());
    let file = "{\"username\":\"new\"}\n{\"username\":\"jane\"}\n{\"usrname\":\"x\"}\n";
    let output = import(at, &["--dry-run", "--json"], "b.jsonl", file);
    assert!(!output.status.success(), "a record has an error");
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0], json!({"place": "line 1", "username": "new", "outcome": "would be added"}));
    assert_eq!(rows[1]["outcome"], "cannot be added: this username is taken");
    assert!(rows[2]["outcome"].as_str().unwrap().contains("did you mean `username`?"), "{rows}");
    assert!(!show(at, "new").status.success());
}

#[test]
fn every_error_names_the_line_the_field_and_what_is_accepted() {
    let directory = left_by_a_server();
    let at = directory.path();
    let with = |name: &str, value: Value| json!({"username": "a", name: value});
    let cases = [
        (with("passwordHash", json!("x")), "unknown field `passwordHash`; did you mean `password_hash`?"),
        (with("password_hash", json!("md5")), "`password_hash`: this hash cannot be verified; accepted are"),
        (
            with("password_hash", json!(BCRYPT.replace("$05$", "$15$"))),
            "`password_hash`: the cost of this hash is out of bounds",
        ),
        (with("email", json!("x")), "`email`: an e-mail address looks like"),
        (with("email_verified", json!("yes")), "`email_verified`: must be true or false"),
        (with("role", json!("root")), "`role`: must be `user` or `admin`"),
        (with("id", json!(1.5)), "`id`: must be a string or an integer"),
        (with("created_at", json!("soon")), "`created_at`: must be a time such as"),
        (with("claims", json!({"sub": "x"})), "`claims`: the claim `sub` is set by the server"),
        (json!({"id": "a"}), "`username`: missing"),
    ];
    for (line, expected) in cases {
        let output = import(at, &[], "users.jsonl", &format!("{{\"username\":\"fine\"}}\n{line}\n"));
        let printed = text(&output.stderr);
        assert!(printed.contains(&format!("users.jsonl line 2: {expected}")), "{line}: {printed}");
        assert!(printed.contains("nothing was imported: 1 records have errors"), "{printed}");
    }
    let twice = import(at, &[], "twice.jsonl", "{\"username\":\"Jane\"}\n{\"username\":\"jane\"}\n");
    assert!(text(&twice.stderr).contains("line 2: `username`: line 1 has the same name"), "{twice:?}");
    std::fs::write(at.join("latin1.csv"), b"username\njane\nj\xf6hn\n").unwrap();
    let output = command(at).args(["user", "import", "latin1.csv"]).output().unwrap();
    assert!(text(&output.stderr).contains("latin1.csv line 3 is not UTF-8"), "{output:?}");
    let empty = import(at, &[], "empty.csv", "\n");
    assert!(text(&empty.stderr).contains("empty.csv has no accounts"), "{empty:?}");
}
