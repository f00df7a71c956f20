//! What the SQLite store promises beyond the contract.

use countersign_core::session::Session;
use countersign_store::OpenError;
use rusqlite::Connection;

use crate::support::{Kit, NOON, after, rotate, user};

fn url(directory: &tempfile::TempDir) -> String {
    format!("sqlite:{}", directory.path().join("test.db").display())
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
fn an_unknown_newer_schema_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async { drop(countersign_store::open(&url(&directory)).unwrap()) });
    raw(&directory).execute("UPDATE refinery_schema_history SET version = 99 WHERE version = 1", []).unwrap();
    let refused = block_on(async { countersign_store::open(&url(&directory)).err().unwrap() });
    assert!(matches!(refused, OpenError::NewerSchema { found: 99, .. }), "{refused}");
    assert!(refused.to_string().contains("newer release"), "{refused}");
    assert!(matches!(countersign_store::schema_status(&url(&directory)), Err(OpenError::NewerSchema { .. })));
}

#[test]
fn a_dry_run_names_the_migrations_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let status = countersign_store::schema_status(&url(&directory)).unwrap();
    assert_eq!((status.found, status.pending.len()), (0, status.known as usize));
    assert!(!directory.path().join("test.db").exists());
    block_on(async { drop(countersign_store::open(&url(&directory)).unwrap()) });
    assert!(countersign_store::schema_status(&url(&directory)).unwrap().pending.is_empty());
}

#[test]
fn a_url_that_names_no_store_says_what_to_write() {
    for url in ["", "sqlite:", "postgres://localhost", "memory:x"] {
        let refused = countersign_store::open(url).err().unwrap().to_string();
        assert!(refused.contains("sqlite:PATH"), "{refused}");
    }
}

#[test]
fn a_database_in_a_missing_directory_says_what_to_check() {
    let refused = countersign_store::open("sqlite:/nonexistent/directory/test.db").err().unwrap();
    assert!(refused.to_string().contains("check that the directory exists"), "{refused}");
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// G5
#[test]
fn the_file_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async { drop(countersign_store::open(&url(&directory)).unwrap()) });
    assert_eq!(mode(&directory.path().join("test.db")), 0o600);
}

#[test]
fn a_write_that_fails_takes_no_other_with_it() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = countersign_store::open(&url(&directory)).unwrap();
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
fn a_backup_is_a_store_and_overwrites_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    block_on(async {
        let store = countersign_store::open(&url(&directory)).unwrap();
        store.add_user(&[], &user("1")).await.unwrap();
        store.backup(&copy).await.unwrap();
        assert_eq!(mode(&copy), 0o600);
        assert!(store.backup(&copy).await.is_err());
        let restored = countersign_store::open(&format!("sqlite:{}", copy.display())).unwrap();
        assert_eq!(restored.user(&user("1").id).await.unwrap(), Some(user("1")));
    });
}

// G5
#[test]
fn a_copy_of_the_database_holds_no_secret_of_a_refresh_token() {
    let directory = tempfile::tempdir().unwrap();
    let kit = Kit::new();
    let (session, token) = kit.session("1", NOON);
    let text = token.seal(&kit.keys).unwrap();
    block_on(async {
        let store = countersign_store::open(&url(&directory)).unwrap();
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
        assert!(files >= 3, "database, log and index of the log");
    });
}
