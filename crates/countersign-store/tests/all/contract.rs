//! The contract that every store fulfils.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::client::{
    Client, ClientAuthentication, ClientSecretHash, ClientSettings, SecretMethod,
};
use countersign_core::password::{PasswordHash, Work};
use countersign_core::revocation::{RevokedSessions, TokenLife};
use countersign_core::session::{Grant, RevokedReason, Session, SessionState, Whose};
use countersign_core::store::{
    Added, Changed, ClientRemoved, ImportMode, KeyRing, Opened, Page, SingleUse, Store, UserChange,
};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, Username};
use countersign_core::{ClientId, SessionId, Timestamp};

use crate::support::{Kit, NOON, after, grant, revoked, rotate, stores, user};

/// Runs a check against every store. Each store has the users 1 and 2.
pub(crate) fn check_every_store<F: Future<Output = ()>>(check: impl Fn(Arc<dyn Store>, Kit) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for subject in runtime.block_on(stores()) {
        let store = subject.store.clone();
        runtime.block_on(async {
            for id in ["1", "2"] {
                assert_eq!(store.add_user(&[], &user(id)).await.unwrap(), Added::Added);
            }
            check(store, Kit::new()).await;
        });
    }
}

async fn state(store: &dyn Store, id: SessionId) -> SessionState {
    store.session(id).await.unwrap().unwrap().session.state
}

/// A public client.
pub(crate) fn client(id: &str) -> Client {
    let authentication = ClientAuthentication::None;
    Client { id: id.parse().unwrap(), authentication, settings: ClientSettings::default(), created_at: NOON }
}

#[test]
fn a_user_reads_back_as_it_was_added() {
    check_every_store(async |store, _| {
        assert_eq!(store.user(&user("1").id).await.unwrap(), Some(user("1")));
        let name = Username::parse("uSER-2").unwrap();
        assert_eq!(store.user_by_name(&name).await.unwrap(), Some(user("2")));
        assert_eq!(store.users(&Page::first(1)).await.unwrap(), [user("1")]);
        let rest = Page { after: Some(user("1").id), limit: 10 };
        assert_eq!(store.users(&rest).await.unwrap(), [user("2")]);
    });
}

#[test]
fn an_id_and_a_name_belong_to_one_user() {
    check_every_store(async |store, _| {
        assert_eq!(store.add_user(&[], &user("1")).await.unwrap(), Added::IdTaken);
        let mut namesake = user("3");
        namesake.username = Username::parse("USER-1").unwrap();
        assert_eq!(store.add_user(&[], &namesake).await.unwrap(), Added::NameTaken);
    });
}

#[test]
fn an_import_adds_all_users_or_none_or_those_that_are_missing() {
    check_every_store(async |store, _| {
        let three = [user("3"), user("1"), user("4")];
        let found = [Added::Added, Added::IdTaken, Added::Added];
        for mode in [ImportMode::DryRun, ImportMode::AllOrNone] {
            assert_eq!(store.import_users(&three, mode).await.unwrap(), found);
            assert_eq!(store.user(&user("3").id).await.unwrap(), None, "{mode:?}");
        }
        assert_eq!(store.import_users(&three, ImportMode::SkipExisting).await.unwrap(), found);
        assert_eq!(store.user(&user("4").id).await.unwrap(), Some(user("4")));
        let two = [user("5"), user("6")];
        let added = store.import_users(&two, ImportMode::AllOrNone).await.unwrap();
        assert_eq!(added, [Added::Added; 2]);
        assert_eq!(store.user(&user("6").id).await.unwrap(), Some(user("6")));
    });
}

#[test]
fn the_work_of_imported_hashes_counts_until_the_last_one_is_replaced() {
    check_every_store(async |store, _| {
        let with = |id: &str, hash: &str| {
            let hash = PasswordHash::from_stored(hash.to_owned());
            User { password: Some(Password { hash, kind: PasswordKind::Lasting }), ..user(id) }
        };
        assert_eq!(store.imported_work().await.unwrap(), Work::default());
        let bcrypt = |cost: &str| format!("$2b${cost}$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi");
        let (cheap, expensive) = (with("3", &bcrypt("05")), with("4", &bcrypt("12")));
        let users = [cheap.clone(), expensive.clone()];
        store.import_users(&users, ImportMode::AllOrNone).await.unwrap();
        let hash = |user: &User| user.password.as_ref().unwrap().hash.clone();
        assert_eq!(store.imported_work().await.unwrap(), hash(&expensive).work());
        let own = PasswordHash::from_stored("$argon2id$new".to_owned());
        assert!(store.rehash(&expensive.id, &hash(&expensive), &own).await.unwrap());
        assert_eq!(store.imported_work().await.unwrap(), hash(&cheap).work());
        assert!(store.rehash(&cheap.id, &hash(&cheap), &own).await.unwrap());
        assert_eq!(store.imported_work().await.unwrap(), Work::default());
    });
}

#[test]
fn no_name_is_another_users_id() {
    check_every_store(async |store, _| {
        let named = |id: &str, name: &str| User { username: Username::parse(name).unwrap(), ..user(id) };
        assert_eq!(store.add_user(&[], &named("3", "1")).await.unwrap(), Added::NameTaken);
        assert_eq!(store.add_user(&[], &named("3", "\u{ff11}")).await.unwrap(), Added::NameTaken);
        assert_eq!(store.add_user(&[], &named("USER-1", "other")).await.unwrap(), Added::IdTaken);
        assert_eq!(store.add_user(&[], &named("Max", "maximilian")).await.unwrap(), Added::Added);
        assert_eq!(store.add_user(&[], &named("3", "mAX")).await.unwrap(), Added::NameTaken);
        assert_eq!(
            store.add_user(&[], &named("jane", "Jane")).await.unwrap(),
            Added::Added,
            "the user's own id"
        );
    });
}

#[test]
fn each_change_of_a_user_changes_only_its_field() {
    check_every_store(async |store, _| {
        let id = user("1").id;
        let claims = UserClaims::check(serde_json::json!({"team": "red"})).unwrap();
        let hash = PasswordHash::from_stored("$argon2id$new".to_owned());
        let password = Password { hash, kind: PasswordKind::Temporary };
        let how = revoked(RevokedReason::PasswordChanged, NOON);
        for change in [
            UserChange::SetClaims(claims.clone()),
            UserChange::SetEmail(None),
            UserChange::SetRole(Role::Admin),
            UserChange::SetPassword { password: password.clone(), keep: None, how: how.clone() },
            UserChange::Disable(how.clone()),
        ] {
            let changed = store.change_user(&id, &[], &[change]).await.unwrap();
            assert!(matches!(changed, Changed::Done(_)), "{changed:?}");
        }
        let mut expected = user("1");
        (expected.claims, expected.email, expected.role) = (claims, None, Role::Admin);
        (expected.password, expected.disabled_at) = (Some(password), Some(NOON));
        // Two of the changes ended all sessions.
        expected.epoch = 2;
        expected.sessions_ended_at = Some(NOON);
        assert_eq!(store.user(&id).await.unwrap(), Some(expected));
        let deleted = store.change_user(&id, &[], &[UserChange::Delete(how)]).await.unwrap();
        assert!(matches!(deleted, Changed::Done(_)), "{deleted:?}");
        let gone = store.change_user(&id, &[], &[UserChange::Enable]).await.unwrap();
        assert_eq!(gone, Changed::NoSuchUser);
        assert_eq!(store.user(&id).await.unwrap(), None);
    });
}

/// A password for user 1, set at `at`.
fn new_password(kind: PasswordKind, at: Timestamp) -> UserChange {
    let password = Password { hash: PasswordHash::from_stored(format!("$argon2id${at:?}")), kind };
    UserChange::SetPassword { password, keep: None, how: revoked(RevokedReason::PasswordChanged, at) }
}

async fn signed_out_at(store: &dyn Store, id: &str) -> Option<Timestamp> {
    store.user(&user(id).id).await.unwrap().unwrap().sessions_ended_at
}

// D4, D5
#[test]
fn every_sign_out_everywhere_is_recorded_with_its_time() {
    check_every_store(async |store, _| {
        let (one, two) = (user("1").id, user("2").id);
        let ended = |seconds| revoked(RevokedReason::EndedByAdmin, after(seconds));
        store.revoke_all(&Whose::User(one.clone()), None, &ended(1)).await.unwrap();
        assert_eq!(signed_out_at(&*store, "1").await, Some(after(1)));
        assert_eq!(signed_out_at(&*store, "2").await, None, "another user");
        store.revoke_all(&Whose::Everyone, None, &ended(2)).await.unwrap();
        assert_eq!(signed_out_at(&*store, "1").await, Some(after(2)));
        assert_eq!(signed_out_at(&*store, "2").await, Some(after(2)));
        let client = Whose::Client(ClientId::first_party());
        store.revoke_all(&client, None, &ended(3)).await.unwrap();
        assert_eq!(
            signed_out_at(&*store, "1").await,
            Some(after(2)),
            "revoking the sessions of a client is not a sign-out"
        );
        for change in [UserChange::Disable(ended(4)), UserChange::Enable] {
            store.change_user(&two, &[], &[change]).await.unwrap();
        }
        assert_eq!(signed_out_at(&*store, "2").await, Some(after(4)), "enabling the user changes nothing");
        store.revoke_all(&Whose::User(two), None, &ended(3)).await.unwrap();
        assert_eq!(signed_out_at(&*store, "2").await, Some(after(4)), "the clock was set back");
    });
}

// D4
#[test]
fn a_new_password_is_a_sign_out_if_it_replaces_one_that_the_user_signed_in_with() {
    check_every_store(async |store, kit| {
        let id = user("1").id;
        let set = async |kind, seconds| {
            let change = new_password(kind, after(seconds));
            store.change_user(&id, &[], &[change]).await.unwrap();
            signed_out_at(&*store, "1").await
        };
        assert_eq!(set(PasswordKind::Temporary, 1).await, None, "the user has not signed in yet");
        assert_eq!(set(PasswordKind::Lasting, 2).await, None, "it replaces a temporary password");
        assert_eq!(set(PasswordKind::Lasting, 3).await, None, "no session yet");
        let epoch = store.user(&id).await.unwrap().unwrap().epoch;
        let session = Session { user_epoch: epoch, ..kit.session("1", NOON).0 };
        assert_eq!(store.open(&session, &[], None).await.unwrap(), Opened::Opened);
        let swept =
            store.sweep(session.absolute_expires_at.plus(Duration::from_secs(1)), &Page::first(10)).await;
        assert_eq!(
            swept.unwrap().removed,
            1,
            "the row is deleted, and the user still counts as having signed in"
        );
        assert_eq!(set(PasswordKind::Temporary, 4).await, Some(after(4)), "a reset");
        assert_eq!(set(PasswordKind::Lasting, 5).await, Some(after(4)), "the reset was the sign-out");
        assert_eq!(set(PasswordKind::Lasting, 6).await, Some(after(6)));
    });
}

#[test]
fn a_stronger_hash_replaces_only_the_verified_one() {
    check_every_store(async |store, _| {
        let (id, old) = (user("1").id, user("1").password.unwrap().hash);
        let new = PasswordHash::from_stored("$argon2id$stronger".to_owned());
        assert!(store.rehash(&id, &old, &new).await.unwrap());
        assert!(!store.rehash(&id, &old, &new).await.unwrap());
    });
}

#[test]
fn a_session_reads_back_as_it_was_opened() {
    check_every_store(async |store, kit| {
        let (session, _) = kit.session("1", NOON);
        assert_eq!(store.open(&session, &[], None).await.unwrap(), Opened::Opened);
        let found = store.session(session.id).await.unwrap().unwrap();
        assert_eq!((found.session, found.user), (session, Some(user("1"))));
        let (unknown, _) = kit.session("1", NOON);
        assert_eq!(store.session(unknown.id).await.unwrap(), None);
    });
}

#[test]
fn a_single_use_token_opens_one_session() {
    check_every_store(async |store, kit| {
        let single = SingleUse { digest: [1; 32], expires_at: after(60) };
        let (first, second) = (kit.session("1", NOON).0, kit.session("1", NOON).0);
        assert_eq!(store.open(&first, &[], Some(&single)).await.unwrap(), Opened::Opened);
        assert_eq!(store.open(&second, &[], Some(&single)).await.unwrap(), Opened::AlreadySpent);
        assert_eq!(store.session(second.id).await.unwrap(), None);
    });
}

#[test]
fn a_rotation_moves_the_row_only_once() {
    check_every_store(async |store, kit| {
        let (session, token) = kit.session("1", NOON);
        store.open(&session, &[], None).await.unwrap();
        let step = kit.step(&token, after(5));
        let moved = rotate(&*store, &step, after(5)).await.unwrap();
        assert_eq!((moved.session.ratchet.generation, moved.session.refreshed.at), (1, after(5)));
        assert_eq!(moved.session.ratchet.burst, None, "the token was 5 seconds old");
        assert_eq!(moved.user, Some(user("1")));
        assert_eq!(store.session(session.id).await.unwrap(), Some(moved.clone()));
        assert_eq!(rotate(&*store, &step, after(5)).await, None);
        let next = kit.token(&moved.session, step.link);
        let step = kit.step(&next, after(900));
        let moved = rotate(&*store, &step, after(900)).await.unwrap();
        assert_eq!(moved.session.ratchet.burst.map(|burst| burst.generation), Some(1));
    });
}

#[test]
fn concurrent_rotations_of_one_token_move_the_row_by_one_generation() {
    check_every_store(async |store, kit| {
        let (session, token) = kit.session("1", NOON);
        store.open(&session, &[], None).await.unwrap();
        let rotations = (0..64).map(|_| {
            let (store, step) = (store.clone(), kit.step(&token, after(5)));
            tokio::spawn(async move { rotate(&*store, &step, after(5)).await.is_some() })
        });
        let mut moved = 0;
        for rotation in rotations.collect::<Vec<_>>() {
            moved += u32::from(rotation.await.unwrap());
        }
        assert_eq!(moved, 1);
        assert_eq!(store.session(session.id).await.unwrap().unwrap().session.ratchet.generation, 1);
    });
}

// B8, B9, D3
#[test]
fn a_rotation_whose_condition_no_longer_holds_changes_nothing() {
    type Break = fn(&mut countersign_core::session::Session, &mut Timestamp);
    let broken: [Break; 2] = [
        |session, _| session.grant.client = "other".parse().unwrap(),
        |session, now| *now = session.idle_expires_at,
    ];
    check_every_store(async |store, kit| {
        store.add_client(&[], &client("other")).await.unwrap();
        for change in broken {
            let (mut session, token) = kit.session("1", NOON);
            let mut now = after(5);
            change(&mut session, &mut now);
            store.open(&session, &[], None).await.unwrap();
            assert_eq!(rotate(&*store, &kit.step(&token, now), now).await, None);
            assert_eq!(store.session(session.id).await.unwrap().unwrap().session, session);
        }
        let (session, token) = kit.session("1", NOON);
        store.open(&session, &[], None).await.unwrap();
        let disable = UserChange::Disable(revoked(RevokedReason::UserDisabled, NOON));
        store.change_user(&user("1").id, &[], &[disable]).await.unwrap();
        store.change_user(&user("1").id, &[], &[UserChange::Enable]).await.unwrap();
        assert_eq!(rotate(&*store, &kit.step(&token, NOON), NOON).await, None);
    });
}

// D7
#[test]
fn a_session_is_revoked_only_once_and_only_by_its_owner() {
    check_every_store(async |store, kit| {
        let (session, _) = kit.session("1", NOON);
        store.open(&session, &[], None).await.unwrap();
        let how = revoked(RevokedReason::EndedByUser, after(5));
        let other = Whose::User(user("2").id);
        assert!(!store.revoke(session.id, &other, &how).await.unwrap());
        assert_eq!(state(&*store, session.id).await, SessionState::Active);
        assert!(store.revoke(session.id, &Whose::User(user("1").id), &how).await.unwrap());
        assert!(!store.revoke(session.id, &Whose::Everyone, &how).await.unwrap());
        assert_eq!(state(&*store, session.id).await, SessionState::Revoked(how));
    });
}

#[test]
fn a_reader_of_revocations_misses_none_that_is_written_concurrently() {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    check_every_store(async |store, kit| {
        let mut writers = Vec::new();
        for _ in 0..WRITERS {
            let sessions: Vec<_> = (0..EACH).map(|_| kit.session("1", NOON).0).collect();
            for session in &sessions {
                store.open(session, &[], None).await.unwrap();
            }
            let store = store.clone();
            writers.push(tokio::spawn(async move {
                for session in sessions {
                    let how = revoked(RevokedReason::SignedOut, NOON);
                    assert!(store.revoke(session.id, &Whose::Everyone, &how).await.unwrap());
                }
            }));
        }
        let mut read = Vec::new();
        while read.len() < WRITERS * EACH {
            let after = read.last().copied().unwrap_or(0);
            let page = store.revocations(after, 7).await.unwrap();
            read.extend(page.iter().map(|revocation| revocation.number));
            if page.is_empty() && writers.iter().all(tokio::task::JoinHandle::is_finished) {
                // The last writer may have committed after the page was read.
                let rest = store.revocations(after, u32::MAX).await.unwrap();
                read.extend(rest.iter().map(|revocation| revocation.number));
                break;
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(read.is_sorted_by(|one, next| one < next), "{read:?}");
        let all = store.revocations(0, u32::MAX).await.unwrap();
        assert_eq!(read, all.iter().map(|revocation| revocation.number).collect::<Vec<_>>());
        assert_eq!(read.len(), WRITERS * EACH);
    });
}

// D5
#[test]
fn all_sessions_of_a_user_of_a_client_or_of_everyone_can_be_revoked() {
    check_every_store(async |store, kit| {
        store.add_client(&[], &client("other")).await.unwrap();
        let mut sessions = Vec::new();
        for owner in ["1", "1", "2"] {
            let (mut session, _) = kit.session(owner, NOON);
            if owner == "2" {
                session.grant.client = "other".parse().unwrap();
            }
            store.open(&session, &[], None).await.unwrap();
            sessions.push(session.id);
        }
        let how = revoked(RevokedReason::EndedByAdmin, after(5));
        let user_1 = Whose::User(user("1").id);
        assert_eq!(store.sessions(&user_1, &Page::first(10)).await.unwrap().len(), 2);
        assert_eq!(store.revoke_all(&user_1, Some(sessions[0]), &how).await.unwrap(), 1);
        assert_eq!(store.revoke_all(&Whose::Client("other".parse().unwrap()), None, &how).await.unwrap(), 1);
        assert_eq!(state(&*store, sessions[0]).await, SessionState::Active);
        assert_eq!(store.revoke_all(&Whose::Everyone, None, &how).await.unwrap(), 1);
        let page = Page { after: Some(sessions[0]), limit: 10 };
        let rest: Vec<_> = store.sessions(&Whose::Everyone, &page).await.unwrap();
        assert!(rest.iter().all(|found| found.session.id > sessions[0]));
    });
}

#[test]
fn the_claims_of_a_user_and_of_a_session_are_never_too_large_together() {
    check_every_store(async |store, kit| {
        let claims = |name: &str, length: usize| {
            UserClaims::check(serde_json::json!({name: "x".repeat(length)})).unwrap()
        };
        let set = async |claims: UserClaims| {
            store.change_user(&user("1").id, &[], &[UserChange::SetClaims(claims)]).await.unwrap()
        };
        let mut session = kit.session("1", NOON).0;
        session.grant.claims = claims("own", 500).as_map().clone();
        assert!(matches!(set(claims("user", 1100)).await, Changed::Done(_)));
        assert_eq!(store.open(&session, &[], None).await.unwrap(), Opened::ClaimsTooLarge);
        assert_eq!(store.session(session.id).await.unwrap(), None);
        assert!(matches!(set(claims("user", 1000)).await, Changed::Done(_)));
        assert_eq!(store.open(&session, &[], None).await.unwrap(), Opened::Opened);
        assert_eq!(set(claims("user", 1100)).await, Changed::ClaimsTooLarge);
        assert_eq!(store.user(&user("1").id).await.unwrap().unwrap().claims, claims("user", 1000));
        let how = revoked(RevokedReason::EndedByUser, after(5));
        assert!(store.revoke(session.id, &Whose::Everyone, &how).await.unwrap());
        assert!(matches!(set(claims("user", 1100)).await, Changed::Done(_)), "the session has ended");
    });
}

// D3, D4
#[test]
fn a_session_is_opened_only_for_an_enabled_user_with_its_epoch() {
    check_every_store(async |store, kit| {
        let ((kept, token), late) = (kit.session("1", NOON), kit.session("1", NOON).0);
        store.open(&kept, &[], None).await.unwrap();
        let how = revoked(RevokedReason::EndedByUser, after(5));
        store.revoke_all(&Whose::User(user("1").id), Some(kept.id), &how).await.unwrap();
        let single = SingleUse { digest: [7; 32], expires_at: after(60) };
        assert_eq!(store.open(&late, &[], Some(&single)).await.unwrap(), Opened::UserChanged);
        assert_eq!(store.session(late.id).await.unwrap(), None);
        let step = kit.step(&token, after(5));
        assert!(rotate(&*store, &step, after(5)).await.is_some(), "the kept session has the new epoch");
        let (other, unknown) = (kit.session("2", NOON).0, kit.session("3", NOON).0);
        assert_eq!(
            store.open(&other, &[], Some(&single)).await.unwrap(),
            Opened::Opened,
            "nothing was spent"
        );
        assert_eq!(store.open(&unknown, &[], None).await.unwrap(), Opened::UserChanged);
        store.change_user(&user("2").id, &[], &[UserChange::Disable(how)]).await.unwrap();
        store.change_user(&user("2").id, &[], &[UserChange::Enable]).await.unwrap();
        assert_eq!(store.open(&kit.session("2", NOON).0, &[], None).await.unwrap(), Opened::UserChanged);
    });
}

// B8
#[test]
fn a_grant_reads_back_exactly_so_that_its_tokens_stay_bound() {
    use countersign_core::refresh::is_bound;
    check_every_store(async |store, kit| {
        let claims = r#"{"a":4.668305101073424e-8,"b":5.710359837887181e-12,"c":9.865669814394638e-8,
            "d":0.1,"e":1e300,"f":-0.0,"g":18446744073709551615,"h":"\u00e9\u2028\ud83e\udd8a","i":[1,{"j":null}]}"#;
        let mut grant = crate::support::grant("1");
        grant.claims = serde_json::from_str(claims).unwrap();
        let (session, token) = kit.open(grant, NOON);
        store.open(&session, &[], None).await.unwrap();
        let found = store.session(session.id).await.unwrap().unwrap().session;
        assert_eq!(found, session);
        assert!(is_bound(&kit.keys, &found, &token));
    });
}

// D4
#[test]
fn a_new_password_revokes_every_session_except_the_one_that_requested_it() {
    check_every_store(async |store, kit| {
        let (kept, ended) = (kit.session("1", NOON).0, kit.session("1", NOON).0);
        store.open(&kept, &[], None).await.unwrap();
        store.open(&ended, &[], None).await.unwrap();
        let how = revoked(RevokedReason::PasswordChanged, after(5));
        let password = user("2").password.unwrap();
        let change = UserChange::SetPassword { password, keep: Some(kept.id), how: how.clone() };
        store.change_user(&user("1").id, &[], &[change]).await.unwrap();
        assert_eq!(state(&*store, kept.id).await, SessionState::Active);
        assert_eq!(state(&*store, ended.id).await, SessionState::Revoked(how));
    });
}

// D3
#[test]
fn each_revocation_is_listed_once_and_in_order() {
    check_every_store(async |store, kit| {
        let opened = [kit.session("1", NOON).0, kit.session("1", NOON).0, kit.session("2", NOON).0];
        for session in &opened {
            store.open(session, &[], None).await.unwrap();
        }
        let how = revoked(RevokedReason::SignedOut, after(5));
        assert!(store.revoke(opened[0].id, &Whose::Everyone, &how).await.unwrap());
        assert!(!store.revoke(opened[0].id, &Whose::Everyone, &how).await.unwrap());
        let of = Whose::User(user("1").id);
        assert_eq!(store.revoke_all(&of, None, &how).await.unwrap(), 1);
        assert_eq!(store.revoke_all(&of, None, &how).await.unwrap(), 0);
        let everyone = Whose::Everyone;
        assert_eq!(store.revoke_all(&everyone, Some(kit.session("2", NOON).0.id), &how).await.unwrap(), 1);
        let noted = store.revocations(0, 10).await.unwrap();
        let numbers: Vec<_> = noted.iter().map(|entry| (entry.number, entry.at)).collect();
        assert_eq!(numbers, [(1, after(5)), (2, after(5)), (3, after(5))]);
        assert_eq!(noted[0].of, RevokedSessions::One(opened[0].id));
        let newest = opened[0].id.max(opened[1].id);
        assert_eq!(noted[1].of, RevokedSessions::UpTo { whose: of, newest, except: None });
        let RevokedSessions::UpTo { whose, newest, except } = &noted[2].of else { panic!("{noted:?}") };
        assert_eq!((whose, *newest), (&everyone, opened.iter().map(|session| session.id).max().unwrap()));
        assert!(except.is_some());
        assert_eq!(store.revocations(1, 1).await.unwrap(), noted[1..2]);
        store.forget_revocations(3).await.unwrap();
        assert_eq!(store.revocations(0, 10).await.unwrap(), []);
        let (last, _) = kit.session("2", NOON);
        let last = Session { user_epoch: 1, ..last };
        assert_eq!(store.open(&last, &[], None).await.unwrap(), Opened::Opened);
        store.revoke(last.id, &everyone, &how).await.unwrap();
        assert_eq!(store.revocations(0, 10).await.unwrap()[0].number, 4, "no number is used twice");
    });
}

#[test]
fn the_lifetimes_of_tokens_are_stored() {
    check_every_store(async |store, _| {
        let (hour, short) = (Duration::from_secs(3600), Duration::from_secs(5));
        let long = store.begin_token_life(hour, NOON).await.unwrap();
        assert_eq!(long, TokenLife::begin(None, hour, NOON));
        let lowered = store.begin_token_life(short, after(5)).await.unwrap();
        assert_eq!(lowered, TokenLife::begin(Some(long), short, after(5)));
        assert_eq!(lowered.over_at(NOON), NOON.plus(hour));
        assert_eq!(store.begin_token_life(short, after(9)).await.unwrap(), lowered);
    });
}

// B4, B11
#[test]
fn a_client_reads_back_and_no_other_client_or_user_has_its_id() {
    check_every_store(async |store, kit| {
        let (_, hash) = ClientSecretHash::generate(&kit.world);
        let client = Client {
            id: "shop".parse().unwrap(),
            authentication: ClientAuthentication::Secret(SecretMethod::Basic, hash),
            settings: crate::clients::every_setting(),
            created_at: NOON,
        };
        assert_eq!(store.add_client(&[], &client).await.unwrap(), Added::Added);
        assert_eq!(store.add_client(&[], &client).await.unwrap(), Added::IdTaken);
        assert_eq!(store.client(&client.id).await.unwrap(), Some(client.clone()));
        let namesake = Client { id: "1".parse().unwrap(), ..client.clone() };
        assert_eq!(store.add_client(&[], &namesake).await.unwrap(), Added::IdTaken, "a user has the id");
        assert_eq!(store.add_user(&[], &user("shop")).await.unwrap(), Added::IdTaken, "a client has the id");
        let public = Client {
            id: "app".parse().unwrap(),
            authentication: ClientAuthentication::None,
            settings: ClientSettings::default(),
            created_at: NOON,
        };
        assert_eq!(store.add_client(&[], &public).await.unwrap(), Added::Added);
        assert_eq!(store.clients(&Page::first(9)).await.unwrap(), [public.clone(), client.clone()]);
        let rest = Page { after: Some(public.id), limit: 9 };
        assert_eq!(store.clients(&rest).await.unwrap(), [client]);
    });
}

#[test]
fn removing_a_client_revokes_its_sessions() {
    check_every_store(async |store, kit| {
        let id: ClientId = "shop".parse().unwrap();
        store.add_client(&[], &client("shop")).await.unwrap();
        let theirs = kit.open(Grant { client: id.clone(), ..grant("1") }, NOON).0;
        let other = kit.session("1", NOON).0;
        store.open(&theirs, &[], None).await.unwrap();
        store.open(&other, &[], None).await.unwrap();
        let (_, hash) = ClientSecretHash::generate(&kit.world);
        let secret = ClientAuthentication::Secret(SecretMethod::Post, hash);
        let none = ClientAuthentication::None;
        assert!(store.replace_client_authentication(&id, &[], &none, &secret).await.unwrap());
        assert!(
            !store.replace_client_authentication(&id, &[], &none, &secret).await.unwrap(),
            "it is not the current one any more"
        );
        assert_eq!(store.client(&id).await.unwrap().unwrap().authentication, secret);
        let how = revoked(RevokedReason::EndedByAdmin, NOON);
        assert_eq!(store.remove_client(&id, &[], &how).await.unwrap(), ClientRemoved::Removed);
        assert_eq!(store.remove_client(&id, &[], &how).await.unwrap(), ClientRemoved::NoSuchClient);
        assert!(!store.replace_client_authentication(&id, &[], &secret, &none).await.unwrap());
        assert_eq!(state(&*store, theirs.id).await, SessionState::Revoked(how));
        assert_eq!(state(&*store, other.id).await, SessionState::Active);
        assert_eq!(store.revocations(0, 9).await.unwrap().len(), 1);
    });
}

#[test]
fn sessions_of_a_deleted_user_are_revoked_and_their_rows_stay() {
    check_every_store(async |store, kit| {
        let (session, _) = kit.session("1", NOON);
        store.open(&session, &[], None).await.unwrap();
        let how = revoked(RevokedReason::UserDeleted, after(5));
        store.change_user(&user("1").id, &[], &[UserChange::Delete(how.clone())]).await.unwrap();
        let found = store.session(session.id).await.unwrap().unwrap();
        assert_eq!((found.session.state, found.user), (SessionState::Revoked(how), None));
    });
}

#[test]
fn a_sweep_deletes_ended_sessions_page_by_page() {
    check_every_store(async |store, kit| {
        let (mut idle, mut revoked_early, live) =
            (kit.session("1", NOON).0, kit.session("1", NOON).0, kit.session("1", NOON).0);
        idle.idle_expires_at = after(10);
        (revoked_early.idle_expires_at, revoked_early.absolute_expires_at) = (after(10), after(1000));
        for session in [&idle, &revoked_early, &live] {
            store.open(session, &[], None).await.unwrap();
        }
        let how = revoked(RevokedReason::Reuse, after(5));
        store.revoke(revoked_early.id, &Whose::Everyone, &how).await.unwrap();
        let mut removed = Vec::new();
        for before in [after(10), after(500), after(1001)] {
            let (mut page, mut count) = (Page::first(2), 0);
            loop {
                let swept = store.sweep(before, &page).await.unwrap();
                count += swept.removed;
                let Some(next) = swept.next else { break };
                page.after = Some(next);
            }
            removed.push(count);
        }
        assert_eq!(removed, [0, 1, 1], "the idle session; the revoked one stays until its absolute expiry");
        assert!(store.session(live.id).await.unwrap().is_some());
    });
}

#[test]
fn a_sweep_deletes_expired_single_use_tokens() {
    check_every_store(async |store, kit| {
        let single = SingleUse { digest: [1; 32], expires_at: after(60) };
        store.open(&kit.session("1", NOON).0, &[], Some(&single)).await.unwrap();
        store.sweep(after(60), &Page::first(10)).await.unwrap();
        let again = store.open(&kit.session("1", NOON).0, &[], Some(&single)).await.unwrap();
        assert_eq!(again, Opened::AlreadySpent);
        store.sweep(after(61), &Page::first(10)).await.unwrap();
        let again = store.open(&kit.session("1", NOON).0, &[], Some(&single)).await.unwrap();
        assert_eq!(again, Opened::Opened);
    });
}

#[test]
fn signing_keys_are_replaced_only_at_the_revision_that_was_read() {
    use countersign_core::signing_keys::{KeyState, StoredKey};
    use countersign_token::{Algorithm, KeyId, SigningKey};
    check_every_store(async |store, kit| {
        let private = SigningKey::generate(Algorithm::Es256).unwrap();
        let key_id = KeyId::parse("a").unwrap();
        let public =
            SigningKey::parse(Algorithm::Es256, key_id.clone(), &private).unwrap().public_jwk().unwrap();
        let private = kit.keys.newest().wrap("signing", &private, &kit.world);
        let key = |state| StoredKey {
            key_id: key_id.clone(),
            algorithm: Algorithm::Es256,
            public: public.clone(),
            private: private.clone(),
            published_at: NOON,
            state,
        };
        let read = store.signing_keys().await.unwrap();
        assert!(read.keys.is_empty());
        for state in [KeyState::Next, KeyState::Active { since: NOON }, KeyState::Retired { until: after(9) }]
        {
            let revision = store.signing_keys().await.unwrap().revision;
            let ring = KeyRing { revision, keys: vec![key(state)] };
            assert!(store.replace_signing_keys(&ring).await.unwrap());
            assert_eq!(store.signing_keys().await.unwrap().keys, ring.keys);
        }
        assert!(!store.replace_signing_keys(&read).await.unwrap());
    });
}

#[test]
fn a_store_that_works_responds_to_a_ping() {
    check_every_store(async |store, _| {
        store.ping().await.unwrap();
    });
}
