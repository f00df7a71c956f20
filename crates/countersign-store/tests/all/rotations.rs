//! Tests of SQLite's log of rotations: it is bounded, it survives a crash, and no reader sees a session go back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::SessionId;
use countersign_core::ratchet::Generation;
use countersign_core::refresh_token::RefreshToken;
use countersign_core::store::Store;
use countersign_store::{Options, SqliteOptions, StoreUrl};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{Kit, NOON, after, presence, rotate, user};

/// A database, and what the tests need to use it.
struct Table {
    directory: TempDir,
    kit: Kit,
    runtime: tokio::runtime::Runtime,
}

impl Table {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { directory: tempfile::tempdir().unwrap(), kit: Kit::new(), runtime: runtime.unwrap() }
    }

    fn open(&self, window: u32) -> Arc<dyn Store> {
        let url = StoreUrl::Sqlite(self.directory.path().join("test.db"));
        let options = Options { sqlite: SqliteOptions { window, ..SqliteOptions::default() } };
        self.runtime.block_on(countersign_store::open_with(&url, options)).unwrap()
    }

    /// Reads a number from the file on another connection.
    fn ask(&self, sql: &str) -> u32 {
        let connection = Connection::open(self.directory.path().join("test.db")).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn sessions(&self, store: &dyn Store, count: usize) -> Vec<RefreshToken> {
        self.runtime.block_on(async {
            store.add_user(&[], &user("1")).await.unwrap();
            let mut tokens = Vec::new();
            for _ in 0..count {
                let (session, token) = self.kit.session("1", NOON);
                store.open(&session, &[], None).await.unwrap();
                tokens.push(token);
            }
            tokens
        })
    }

    /// Rotates a session.
    fn turn(&self, store: &dyn Store, token: &mut RefreshToken) {
        let step = self.kit.step(token, after(5));
        let moved = self.runtime.block_on(rotate(store, &step, after(5))).unwrap();
        *token = self.kit.token(&moved.session, step.link);
    }

    fn generation(&self, store: &dyn Store, id: SessionId) -> Generation {
        let found = self.runtime.block_on(store.session(id)).unwrap().unwrap();
        found.session.ratchet.generation
    }
}

#[test]
fn the_log_is_bounded_however_often_sessions_rotate() {
    let table = Table::new();
    let store = table.open(64);
    let mut tokens = table.sessions(&*store, 40);
    for _ in 0..25 {
        for token in &mut tokens {
            table.turn(&*store, token);
            assert!(table.ask("SELECT max(number) - min(number) FROM rotations") <= 64);
        }
    }
    assert_eq!(table.ask("SELECT count(*) FROM sessions"), 40);
    assert!(tokens.iter().all(|token| table.generation(&*store, token.session) == 25));
}

#[test]
fn an_idle_store_folds_its_whole_log() {
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 3);
    tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    let folded = "SELECT count(*) FROM session_moves WHERE generation = 1";
    assert_eq!(table.ask(folded), 0, "a rotation waits in the log");
    let is_folded = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        table.ask(folded) == 3
    });
    assert!(is_folded);
    assert_eq!(
        table.ask("SELECT count(*) FROM rotations"),
        1,
        "the newest entry stays, so that its number is not used again"
    );
}

#[test]
fn closing_a_store_folds_its_whole_log() {
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 3);
    tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    drop(store);
    assert_eq!(table.ask("SELECT count(*) FROM session_moves WHERE generation = 1"), 3);
}

#[test]
fn logged_rotations_survive_a_crash() {
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 3);
    for _ in 0..3 {
        tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    }
    // The files as they are after a power cut.
    let crashed = Table::new();
    for entry in std::fs::read_dir(table.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, crashed.directory.path().join(Path::new(path.file_name().unwrap()))).unwrap();
    }
    let after_crash = crashed.open(1000);
    for token in &mut tokens {
        assert_eq!(crashed.generation(&*after_crash, token.session), 3);
        table.turn(&*after_crash, token);
        assert_eq!(crashed.generation(&*after_crash, token.session), 4);
    }
}

#[test]
fn two_processes_see_each_others_rotations() {
    let table = Table::new();
    // One of them folds all the time.
    let stores = [table.open(2), table.open(1000)];
    let mut tokens = table.sessions(&*stores[0], 3);
    for round in 0..40 {
        for (index, token) in tokens.iter_mut().enumerate() {
            table.turn(&*stores[(round + index) % 2], token);
            for store in &stores {
                assert_eq!(table.generation(&**store, token.session), token.generation, "round {round}");
            }
        }
    }
    let listed = stores.each_ref().map(|store| {
        let everyone = countersign_core::session::Whose::Everyone;
        let page = countersign_core::store::Page::first(10);
        table.runtime.block_on(store.sessions(&everyone, &page)).unwrap()
    });
    assert_eq!(listed[0], listed[1]);
    assert!(listed[0].iter().all(|found| found.session.ratchet.generation == 40));
}

#[test]
fn no_reader_sees_a_session_go_back_while_the_log_is_folded() {
    let table = Table::new();
    let store = table.open(2);
    let mut tokens = table.sessions(&*store, 2);
    let id = tokens[0].session;
    let (watching, stop) = (store.clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopped = stop.clone();
    let watcher = table.runtime.spawn(async move {
        let (mut seen, mut looks) = (0, 0_u32);
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let generation = watching.session(id).await.unwrap().unwrap().session.ratchet.generation;
            assert!(generation >= seen, "{generation} after {seen}");
            (seen, looks) = (generation, looks + 1);
        }
        (seen, looks)
    });
    for _ in 0..300 {
        tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (seen, looks) = table.runtime.block_on(watcher).unwrap();
    assert!(looks > 100 && seen > 100, "{looks} looks, the last at {seen}");
}

#[test]
fn a_session_that_is_live_only_by_its_logged_rotation_is_not_swept() {
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 2);
    table.turn(&*store, &mut tokens[0]);
    let a_week = Duration::from_secs(7 * 86_400);
    let first = countersign_core::store::Page::first(10);
    // By its row, the first session was idle for too long. Its logged rotation is five seconds younger.
    let swept = table.runtime.block_on(store.sweep(NOON.plus(a_week + Duration::from_secs(1)), &first));
    assert_eq!(swept.unwrap().removed, 1);
    assert_eq!(table.generation(&*store, tokens[0].session), 1);
    let swept = table.runtime.block_on(store.sweep(NOON.plus(a_week + Duration::from_secs(6)), &first));
    assert_eq!(swept.unwrap().removed, 1);
}

// D3, D5
#[test]
fn a_cached_session_that_another_process_revoked_is_not_rotated() {
    use countersign_core::session::{RevokedReason, Whose};
    use countersign_core::store::UserChange;
    use countersign_core::user::Role;
    let table = Table::new();
    let (store, other) = (table.open(1000), table.open(1000));
    let mut tokens = table.sessions(&*store, 2);
    for _ in 0..2 {
        tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    }
    let how = crate::support::revoked(RevokedReason::EndedByAdmin, after(6));
    let refused = |token: &RefreshToken| {
        let step = table.kit.step(token, after(7));
        // The step may be applied to the cached session, but it does not become durable.
        assert_eq!(table.runtime.block_on(rotate(&*store, &step, after(7))), None);
        assert_eq!(table.generation(&*store, token.session), 2, "nothing moved");
        assert_eq!(
            table.runtime.block_on(rotate(&*store, &step, after(7))),
            None,
            "also when it is tried again"
        );
    };
    table.runtime.block_on(other.revoke(tokens[0].session, &Whose::Everyone, &how)).unwrap();
    refused(&tokens[0]);
    let changes = [UserChange::SetRole(Role::Admin)];
    table.runtime.block_on(other.change_user(&user("1").id, &[], &changes)).unwrap();
    let step = table.kit.step(&tokens[1], after(7));
    let moved = table.runtime.block_on(rotate(&*store, &step, after(7))).unwrap();
    assert_eq!(
        moved.user.map(|user| user.role),
        Some(Role::Admin),
        "the value is prepared again from the durable row"
    );
    tokens[1] = table.kit.token(&moved.session, step.link);
    table.turn(&*store, &mut tokens[1]);
    let disable = UserChange::Disable(how);
    table.runtime.block_on(other.change_user(&user("1").id, &[], &[disable])).unwrap();
    let step = table.kit.step(&tokens[1], after(8));
    assert_eq!(table.runtime.block_on(rotate(&*store, &step, after(8))), None);
}

// D3
#[test]
fn a_cached_session_that_this_process_revoked_is_not_rotated() {
    use countersign_core::session::{RevokedReason, Whose};
    use countersign_core::store::UserChange;
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 3);
    tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    let how = || crate::support::revoked(RevokedReason::EndedByUser, after(6));
    let is_refused = |token: &RefreshToken| {
        let step = table.kit.step(token, after(7));
        table.runtime.block_on(rotate(&*store, &step, after(7))).is_none()
    };
    table.runtime.block_on(store.revoke(tokens[0].session, &Whose::Everyone, &how())).unwrap();
    assert!(is_refused(&tokens[0]));
    let user_1 = Whose::User(user("1").id);
    table.runtime.block_on(store.revoke_all(&user_1, Some(tokens[2].session), &how())).unwrap();
    assert!(is_refused(&tokens[1]));
    table.turn(&*store, &mut tokens[2]);
    table.runtime.block_on(store.change_user(&user("1").id, &[], &[UserChange::Disable(how())])).unwrap();
    assert!(is_refused(&tokens[2]));
}

#[test]
fn concurrent_presentations_move_a_cached_session_once() {
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 1);
    for round in 0..50 {
        let step = table.kit.step(&tokens[0], after(5));
        let tries: Vec<_> = (0..16)
            .map(|_| {
                let (store, step) = (store.clone(), step.clone());
                table.runtime.spawn(async move { rotate(&*store, &step, after(5)).await.is_some() })
            })
            .collect();
        let moved = tries.into_iter().map(|this| table.runtime.block_on(this).unwrap());
        assert_eq!(moved.filter(|moved| *moved).count(), 1, "round {round}");
        let found = table.runtime.block_on(store.session(tokens[0].session)).unwrap().unwrap();
        tokens[0] = table.kit.token(&found.session, step.link);
    }
}

#[test]
fn a_step_on_a_cached_session_has_no_effect_if_it_cannot_be_committed() {
    let table = Table::new();
    let store = table.open(1000);
    let mut tokens = table.sessions(&*store, 8);
    tokens.iter_mut().for_each(|token| table.turn(&*store, token));
    // Another writer locks the file for longer than the store waits.
    let blocker = Connection::open(table.directory.path().join("test.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let steps: Vec<_> = tokens.iter().map(|token| table.kit.step(token, after(6))).collect();
    let tries: Vec<_> = steps
        .iter()
        .map(|step| {
            let (store, step) = (store.clone(), step.clone());
            table.runtime.spawn(async move {
                let rotated = store.rotate(&step, &presence(after(6))).await;
                match rotated {
                    Ok(Some(rotated)) => rotated.row().await.is_err(),
                    Ok(None) => false,
                    Err(_) => true,
                }
            })
        })
        .collect();
    for this in tries {
        assert!(table.runtime.block_on(this).unwrap(), "nothing is acknowledged");
    }
    blocker.execute_batch("ROLLBACK").unwrap();
    for (token, step) in tokens.iter().zip(&steps) {
        assert_eq!(table.generation(&*store, token.session), 1, "nothing moved");
        assert!(table.runtime.block_on(rotate(&*store, step, after(7))).is_some(), "tried again, it moves");
        assert_eq!(table.generation(&*store, token.session), 2);
    }
}

#[test]
fn rotations_that_wait_in_the_log_of_an_earlier_schema_are_kept() {
    let table = Table::new();
    let store = table.open(1000);
    let tokens = table.sessions(&*store, 3);
    drop(store);
    // The first session has moved twice since it was folded, and the second was folded after it moved.
    let database = Connection::open(table.directory.path().join("test.db")).unwrap();
    database.execute_batch(&std::fs::read_to_string("migrations/sqlite/V2__journal.sql").unwrap()).unwrap();
    database
        .execute_batch(
            "DROP TABLE rotations; DROP TABLE session_moves; DROP INDEX users_by_lower_id;
             ALTER TABLE clients DROP COLUMN access_token_type;
             DELETE FROM refinery_schema_history WHERE version >= 10;",
        )
        .unwrap();
    let mut number = 40;
    for (index, generation) in [(0, 1), (0, 2), (1, 3)] {
        number += 1;
        database
            .execute(
                "INSERT INTO journal SELECT ?1, id, ?2, current_hash, zeroblob(32), ?2 - 1, rotated_at, burst_from,
                     burst_at, recoveries, refreshed_at + ?2, refreshed_address, 'another', idle_expires_at + ?2
                 FROM sessions WHERE id = ?3",
                rusqlite::params![number, generation, tokens[index].session.as_bytes()],
            )
            .unwrap();
    }
    let folded = "UPDATE sessions SET generation = 4, refreshed_device = 'later' WHERE id = ?1";
    database.execute(folded, [tokens[1].session.as_bytes()]).unwrap();
    drop(database);

    let store = table.open(1000);
    let sessions = tokens.iter().map(|token| {
        let found = table.runtime.block_on(store.session(token.session)).unwrap().unwrap().session;
        (found.ratchet.generation, found.refreshed.device)
    });
    assert_eq!(
        sessions.collect::<Vec<_>>(),
        [(2, "another".to_owned()), (4, "later".to_owned()), (0, "Firefox on Linux".to_owned())]
    );
    let position = table.runtime.block_on(store.position()).unwrap().unwrap();
    assert_eq!(position.rotations, 43, "the numbers of rotations continue");
}
