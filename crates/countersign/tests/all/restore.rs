//! Restores: tokens that were revoked or used after the backup do not become valid again.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::process::{Process, command, eventually};

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory).args(arguments).output().unwrap()
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn sign_in(server: &Process) -> (String, String) {
    let (status, body) = server.post("/getTokens", &json!({}));
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("accessToken"), text("refreshToken"))
}

fn refresh(server: &Process, token: &str) -> u16 {
    server.post("/refreshToken", &json!({"refreshToken": token})).0
}

fn protected(server: &Process, access: &str) -> u16 {
    let head = "GET /protectedRoute HTTP/1.1\r\nhost: localhost\r\nconnection: close";
    server.send(&format!("{head}\r\nauthorization: Bearer {access}\r\n\r\n")).0
}

/// Runs a server, makes the backup `monday.db` and stops the server. Returns the access and refresh tokens
/// of two sessions: one from before the backup, which is revoked after it, and one from after the backup.
fn after_a_backup(directory: &Path) -> [(String, String); 2] {
    let server = Process::dev(directory);
    let before = sign_in(&server);
    let made = run(directory, &["backup", "monday.db"]);
    assert!(made.status.success(), "{}", text_of(&made));
    let after = sign_in(&server);
    assert_eq!(server.post("/logout", &json!({"refreshToken": before.1})).0, 204);
    // The server stops directly after the last response and must still keep its effect.
    server.stop();
    [before, after]
}

#[test]
fn nothing_that_was_revoked_or_opened_since_the_backup_is_valid_after_a_restore() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let sessions = after_a_backup(at);
    let keys = || text_of(&run(at, &["key", "list", "--json"]));
    let kids = |list: &str| {
        let list: Vec<serde_json::Value> = serde_json::from_str(list).unwrap();
        list.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for round in 0..2 {
        let before = kids(&keys());
        let restored = run(at, &["restore", "monday.db"]);
        assert!(restored.status.success(), "{}", text_of(&restored));
        assert!(
            text_of(&restored).contains("1 sessions of the backup were revoked"),
            "{}",
            text_of(&restored)
        );
        let server = Process::dev(at);
        for (access, token) in &sessions {
            assert_eq!(refresh(&server, token), 403, "round {round}");
            assert!(eventually(|| protected(&server, access) == 403), "round {round}");
        }
        let (access, token) = sign_in(&server);
        assert_eq!(
            (refresh(&server, &token), protected(&server, &access)),
            (200, 200),
            "a new sign-in works"
        );
        // A key in the backup may have been retired since because it was stolen, so no key is kept.
        assert!(kids(&keys()).iter().all(|kid| !before.contains(kid)), "{before:?}");
        server.stop();
    }
    let kept = std::fs::read_dir(at.join("data"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("before-restore"));
    assert_eq!(kept.count(), 2, "each restore keeps the database that it replaces");
}

#[test]
fn a_copy_that_was_put_in_place_by_hand_is_refused_until_it_is_restored() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let [before, after] = after_a_backup(at);
    for end in ["-wal", "-shm"] {
        std::fs::remove_file(at.join(format!("data/countersign.db{end}"))).ok();
    }
    std::fs::copy(at.join("monday.db"), at.join("data/countersign.db")).unwrap();
    let mut serve = command(at);
    serve.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]);
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("older copy") && refused.contains("countersign restore"), "{refused}");
    // No command writes to the copy, because a write would make it look current.
    for arguments in [&["doctor"][..], &["session", "revoke", "--all"], &["user", "disable", "john_doe"]] {
        let refused = run(at, arguments);
        assert!(
            !refused.status.success() && text_of(&refused).contains("countersign restore"),
            "{}",
            text_of(&refused)
        );
    }
    let restored = run(at, &["restore", "data/countersign.db"]);
    assert!(restored.status.success(), "{}", text_of(&restored));
    let server = Process::dev(at);
    assert_eq!([refresh(&server, &before.1), refresh(&server, &after.1)], [403, 403]);
}

#[test]
fn a_failed_restore_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Process::dev(at);
    let (_, token) = sign_in(&server);
    run(at, &["backup", "monday.db"]);
    let in_use = run(at, &["restore", "monday.db"]);
    assert!(!in_use.status.success() && text_of(&in_use).contains("stop the server"), "{}", text_of(&in_use));
    std::fs::write(at.join("empty.db"), "").unwrap();
    std::fs::write(at.join("garbage.db"), "x".repeat(10_000)).unwrap();
    rusqlite::Connection::open(at.join("other.db")).unwrap().execute("CREATE TABLE t (x)", []).unwrap();
    let mut damaged = std::fs::read(at.join("monday.db")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8192].fill(0xaa);
    std::fs::write(at.join("damaged.db"), damaged).unwrap();
    for file in ["absent.db", "empty.db", "garbage.db", "other.db", "damaged.db", "data"] {
        let refused = run(at, &["restore", file]);
        assert!(!refused.status.success(), "{file}");
        let printed = text_of(&refused);
        assert!(
            printed.contains(file) && (printed.contains("not a backup") || printed.contains("damaged")),
            "{printed}"
        );
    }
    assert_eq!(refresh(&server, &token), 200, "the running server is not affected");
    assert!(!at.join("data/countersign.restoring").exists());
}

#[test]
fn commands_detect_an_older_copy_and_a_missing_database() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    Process::dev(at).stop();
    assert!(run(at, &["client", "add", "shop", "--authentication", "none"]).status.success());
    let writes: [&[&str]; 4] = [
        &["user", "disable", "john_doe"],
        &["user", "enable", "john_doe"],
        &["client", "remove", "shop"],
        &["client", "add", "till", "--authentication", "none"],
    ];
    for arguments in writes {
        std::fs::copy(at.join("data/countersign.db"), at.join("older.db")).unwrap();
        assert!(run(at, arguments).status.success(), "{arguments:?}");
        std::fs::copy(at.join("data/countersign.db"), at.join("newer.db")).unwrap();
        std::fs::copy(at.join("older.db"), at.join("data/countersign.db")).unwrap();
        let refused = run(at, &["user", "list"]);
        assert!(text_of(&refused).contains("older copy"), "{arguments:?}: {}", text_of(&refused));
        std::fs::copy(at.join("newer.db"), at.join("data/countersign.db")).unwrap();
        assert!(run(at, &["user", "list"]).status.success(), "{arguments:?}");
    }
    std::fs::remove_file(at.join("data/countersign.db")).unwrap();
    let mut serve = command(at);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]);
    serve.env("COUNTERSIGN_ISSUER", "https://id.example.com");
    let refused = Process::try_start(serve).err().unwrap();
    assert!(refused.contains("not the one that this server last used"), "{refused}");
}

#[test]
fn a_leftover_write_ahead_log_is_not_applied_to_a_restored_database() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Process::dev(at);
    assert!(run(at, &["backup", "monday.db"]).status.success());
    let (_, token) = sign_in(&server);
    assert!(run(at, &["client", "add", "later", "--authentication", "none"]).status.success());
    server.kill();
    assert!(at.join("data/countersign.db-wal").exists(), "a killed server leaves its write-ahead log");
    std::fs::remove_file(at.join("data/countersign.db")).unwrap();
    let restored = run(at, &["restore", "monday.db"]);
    assert!(restored.status.success(), "{}", text_of(&restored));
    let clients = run(at, &["client", "list"]);
    assert!(clients.status.success() && !text_of(&clients).contains("later"), "{}", text_of(&clients));
    assert_eq!(refresh(&Process::dev(at), &token), 403);
}

#[test]
fn a_restore_keeps_a_symbolic_link_to_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    after_a_backup(at);
    std::fs::create_dir(at.join("disk")).unwrap();
    std::fs::rename(at.join("data/countersign.db"), at.join("disk/real.db")).unwrap();
    std::os::unix::fs::symlink("../disk/real.db", at.join("data/countersign.db")).unwrap();
    let restored = run(at, &["restore", "monday.db"]);
    assert!(restored.status.success(), "{}", text_of(&restored));
    assert!(at.join("data/countersign.db").is_symlink());
    assert!(text_of(&run(at, &["user", "list"])).contains("john_doe"));
}

#[test]
fn concurrent_restores_leave_one_complete_database() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let [before, _] = after_a_backup(at);
    for round in 0..10 {
        let start = || command(at).args(["restore", "monday.db"]).output().unwrap();
        let (one, two) = std::thread::scope(|scope| {
            let other = scope.spawn(start);
            (start(), other.join().unwrap())
        });
        let done = [&one, &two].into_iter().filter(|output| output.status.success()).count();
        assert!(done >= 1, "round {round}: {} {}", text_of(&one), text_of(&two));
        for refused in [&one, &two].into_iter().filter(|output| !output.status.success()) {
            assert!(text_of(refused).contains("is in use"), "{}", text_of(refused));
        }
        let users = run(at, &["user", "list"]);
        assert!(text_of(&users).contains("john_doe"), "round {round}: {}", text_of(&users));
    }
    let server = Process::dev(at);
    assert_eq!(refresh(&server, &before.1), 403);
}
