//! Tests of SQLite beyond the contract.

use countersign_core::session::{Grant, Session};
use countersign_store::{OpenError, StoreUrl};
use rusqlite::Connection;

use crate::support::{Kit, NOON, after, grant, rotate, user};

fn url(directory: &tempfile::TempDir) -> StoreUrl {
    StoreUrl::Sqlite(directory.path().join("test.db"))
}

fn raw(directory: &tempfile::TempDir) -> Connection {
    Connection::open(directory.path().join("test.db")).unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_newer_schema_is_rejected_with_an_explanation() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async { drop(countersign_store::open(&url(&directory)).await.unwrap()) });
    raw(&directory).execute("UPDATE refinery_schema_history SET version = 99 WHERE version = 1", []).unwrap();
    let refused = block_on(async { countersign_store::open(&url(&directory)).await.err().unwrap() });
    assert!(matches!(refused, OpenError::NewerSchema { found: 99, .. }), "{refused}");
    assert!(refused.to_string().contains("newer release"), "{refused}");
    let status = block_on(countersign_store::schema_status(&url(&directory)));
    assert!(matches!(status, Err(OpenError::NewerSchema { .. })));
}

#[test]
fn a_dry_run_names_the_migrations_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let status = block_on(countersign_store::schema_status(&url(&directory))).unwrap();
    assert_eq!((status.found, status.pending.len()), (0, status.known as usize));
    assert!(!directory.path().join("test.db").exists());
    block_on(async { drop(countersign_store::open(&url(&directory)).await.unwrap()) });
    assert!(block_on(countersign_store::schema_status(&url(&directory))).unwrap().pending.is_empty());
}

#[test]
fn the_error_for_a_missing_directory_says_what_to_check() {
    let url = StoreUrl::Sqlite("/nonexistent/directory/test.db".into());
    let refused = block_on(countersign_store::open(&url)).err().unwrap();
    assert!(refused.to_string().contains("check that the directory exists"), "{refused}");
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// G5
#[test]
fn only_its_owner_can_read_the_database() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async { drop(countersign_store::open(&url(&directory)).await.unwrap()) });
    assert_eq!(mode(&directory.path().join("test.db")), 0o600);
}

#[test]
fn a_write_that_fails_does_not_fail_the_others_of_its_commit() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = countersign_store::open(&url(&directory)).await.unwrap();
        store.add_user(&[], &user("1")).await.unwrap();
        let kit = Kit::new();
        let (twice, _) = kit.session("1", NOON);
        let others: Vec<Session> = (0..50).map(|_| kit.session("1", NOON).0).collect();
        let sessions = others.iter().flat_map(|session| [session.clone(), twice.clone()]);
        let writes = sessions.map(|session| {
            let store = store.clone();
            tokio::spawn(async move { (session.id, store.open(&session, &[], None).await.is_ok()) })
        });
        let mut opened = 0;
        for write in writes.collect::<Vec<_>>() {
            let (id, is_open) = write.await.unwrap();
            opened += u32::from(is_open && id == twice.id);
            assert!(is_open || id == twice.id);
        }
        assert_eq!(opened, 1);
        for session in &others {
            assert!(store.session(session.id).await.unwrap().is_some());
        }
    });
}

#[test]
fn a_backup_is_a_database_and_overwrites_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    block_on(async {
        let store = countersign_store::open(&url(&directory)).await.unwrap();
        store.add_user(&[], &user("1")).await.unwrap();
        countersign_store::backup(&url(&directory), &copy).await.unwrap();
        assert_eq!(mode(&copy), 0o600);
        assert!(countersign_store::backup(&url(&directory), &copy).await.is_err());
        let restored = countersign_store::open(&StoreUrl::Sqlite(copy)).await.unwrap();
        assert_eq!(restored.user(&user("1").id).await.unwrap(), Some(user("1")));
    });
}

#[test]
fn the_database_itself_refuses_an_id_or_a_name_that_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = countersign_store::open(&url(&directory)).await.unwrap();
        store.add_user(&[], &user("Jane")).await.unwrap();
    });
    let add_user = |id: &str, name: &str| {
        let key = name.to_lowercase();
        raw(&directory).execute(
            "INSERT INTO users (id, username, username_key, claims, role, epoch, created_at)
             VALUES (?1, ?2, ?3, '{}', 'user', 0, 0)",
            [id, name, &key],
        )
    };
    let add_client = |id: &str| {
        raw(&directory).execute(
            "INSERT INTO clients (id, authentication, audiences, created_at) VALUES (?1, 'none', '[]', 0)",
            [id],
        )
    };
    let message = |outcome: rusqlite::Result<usize>| outcome.unwrap_err().to_string();
    add_client("shop").unwrap();
    assert_eq!(message(add_client("shop")), "UNIQUE constraint failed: clients.id");
    assert_eq!(message(add_client("Jane")), "clients.id is taken", "by a user");
    assert_eq!(message(add_user("Jane", "other")), "users.id is taken");
    assert_eq!(message(add_user("shop", "other")), "users.id is taken", "by a client");
    assert_eq!(message(add_user("User-Jane", "other")), "users.id is taken", "by a username");
    assert_eq!(message(add_user("2", "USER-JANE")), "UNIQUE constraint failed: users.username_key");
    for name in ["Jane", "jAnE"] {
        assert_eq!(message(add_user("2", name)), "users.username is taken", "by an id");
    }
    add_user("same", "same").unwrap();
}

#[test]
fn a_sound_database_has_no_defects() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        assert!(countersign_store::diagnose(&url(&directory)).await.is_err(), "there is no database yet");
        drop(countersign_store::open(&url(&directory)).await.unwrap());
        assert_eq!(countersign_store::diagnose(&url(&directory)).await.unwrap(), Vec::<String>::new());
    });
}

#[test]
fn rows_with_a_claim_whose_name_was_registered_later_are_still_read() {
    use countersign_core::refresh::is_bound;
    let directory = tempfile::tempdir().unwrap();
    let kit = Kit::new();
    // An earlier release, which did not know the name, has written such rows.
    let claims = serde_json::from_str(r#"{"team":"red","txn":"a"}"#).unwrap();
    let (session, token) = kit.open(Grant { claims, ..grant("1") }, NOON);
    block_on(async {
        let store = countersign_store::open(&url(&directory)).await.unwrap();
        store.add_user(&[], &user("1")).await.unwrap();
        store.open(&session, &[], None).await.unwrap();
        raw(&directory).execute(r#"UPDATE users SET claims = '{"team":"red","txn":"a"}'"#, []).unwrap();
        let read = store.user(&user("1").id).await.unwrap().unwrap();
        assert_eq!(serde_json::json!(read.claims.as_map()), serde_json::json!({"team": "red"}));
        let row = store.session(session.id).await.unwrap().unwrap();
        assert_eq!(row.session, session);
        assert!(is_bound(&kit.keys, &row.session, &token), "the session's tokens stay valid");
        let moved = rotate(&*store, &kit.step(&token, after(5)), after(5)).await.unwrap();
        assert_eq!(moved.user, Some(read));
    });
}

// G5
#[test]
fn the_database_contains_no_secret_of_a_refresh_token() {
    let directory = tempfile::tempdir().unwrap();
    let kit = Kit::new();
    let (session, token) = kit.session("1", NOON);
    let text = token.seal(&kit.keys).unwrap();
    block_on(async {
        let store = countersign_store::open(&url(&directory)).await.unwrap();
        store.add_user(&[], &user("1")).await.unwrap();
        store.open(&session, &[], None).await.unwrap();
        let step = kit.step(&token, after(5));
        rotate(&*store, &step, after(5)).await.unwrap();
        let needle = &text.expose().as_bytes()[60..];
        let mut files = 0;
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
            files += 1;
        }
        assert!(files >= 3, "the database, the log and its index");
    });
}
