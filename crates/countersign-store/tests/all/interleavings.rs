//! Random interleavings: the same calls to every store must give the same results and rows.
//!
//! The calls open, rotate, replay, recover, revoke and expire sessions, move the
//! clock in both directions, and lose writes. A lost write restores an older row, in
//! a different way for each store. `COUNTERSIGN_INTERLEAVINGS` sets their number.

use std::collections::HashMap;
use std::time::Duration;

use countersign_core::refresh::{Advance, LateRetry, Presented, RefreshPolicy, Verdict, judge};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::session::{RevokedReason, Session, SessionWithUser, Whose};
use countersign_core::store::{Opened, Page, UserChange};
use countersign_core::{ClientId, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;

use crate::support::{Kit, NOON, Subject, revoked, rotate, stores, user};

/// The number of sessions in an interleaving.
const SESSIONS: usize = 3;

#[derive(Debug, Clone)]
enum Move {
    /// Present the token that was issued `back` tokens before the latest.
    Present {
        session: usize,
        back: usize,
    },
    /// Send the conditional write for a token without reading the row.
    RotateBlindly {
        session: usize,
        back: usize,
    },
    Revoke {
        session: usize,
    },
    RevokeAllButOne {
        session: usize,
    },
    DisableAndEnable,
    ClockForward {
        seconds: u64,
    },
    ClockBack {
        seconds: u64,
    },
    LoseAWrite {
        session: usize,
    },
    Sweep,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let session = 0..SESSIONS;
    let back = prop::sample::select(vec![0, 0, 0, 0, 1, 1, 2, 3, 5]);
    let seconds = prop::sample::select(vec![0, 1, 3, 9, 10, 11, 30, 900, 86_400, 8 * 86_400]);
    let one = prop_oneof![
        20 => (session.clone(), back.clone()).prop_map(|(session, back)| Move::Present { session, back }),
        6 => (session.clone(), back).prop_map(|(session, back)| Move::RotateBlindly { session, back }),
        1 => session.clone().prop_map(|session| Move::Revoke { session }),
        1 => session.clone().prop_map(|session| Move::RevokeAllButOne { session }),
        1 => Just(Move::DisableAndEnable),
        14 => seconds.prop_map(|seconds| Move::ClockForward { seconds }),
        1 => (1_u64..120).prop_map(|seconds| Move::ClockBack { seconds }),
        2 => session.prop_map(|session| Move::LoseAWrite { session }),
        1 => Just(Move::Sweep),
    ];
    prop::collection::vec(one, 1..60)
}

/// One of the compared stores.
struct Side {
    subject: Subject,
    rows_before: HashMap<usize, Session>,
}

struct Game<'kit> {
    kit: &'kit Kit,
    policy: RefreshPolicy,
    now: Timestamp,
    handed_out: Vec<Vec<RefreshToken>>,
}

impl Side {
    async fn row(&self, token: &RefreshToken) -> Option<SessionWithUser> {
        self.subject.store.session(token.session).await.unwrap()
    }

    /// Restores an earlier state of a row, which no verb can do.
    async fn put_back(&mut self, session: &Session) {
        let delete = |connection: &Connection| {
            for sql in
                ["DELETE FROM sessions WHERE id = ?1", "DELETE FROM session_moves WHERE session_id = ?1"]
            {
                connection.execute(sql, [session.id.as_bytes()]).unwrap();
            }
            // All rotations are folded, because the store is closed.
            connection.execute("UPDATE rotations SET moves = x''", []).unwrap();
        };
        self.subject.tamper(delete).await;
        // The user may have another epoch by now, and a session can be opened only for the current one.
        let user = self.subject.store.user(&session.grant.user).await.unwrap().expect("users stay");
        let session = Session { user_epoch: user.epoch, ..session.clone() };
        assert_eq!(self.subject.store.open(&session, &[], None).await.unwrap(), Opened::Opened);
    }
}

impl Game<'_> {
    fn token(&self, session: usize, back: usize) -> &RefreshToken {
        let tokens = &self.handed_out[session];
        &tokens[tokens.len().saturating_sub(1 + back)]
    }

    /// Makes one move on one side. Returns a text that must be the same on every side.
    async fn play(&self, side: &mut Side, this: &Move) -> (String, Option<RefreshToken>) {
        let how = |reason| revoked(reason, self.now);
        match *this {
            Move::Present { session, back } => self.present(side, session, self.token(session, back)).await,
            Move::RotateBlindly { session, back } => {
                let step = self.kit.step(self.token(session, back), self.now);
                let before = side.row(self.token(session, 0)).await;
                let moved = rotate(&*side.subject.store, &step, self.now).await;
                let token = moved.as_ref().map(|moved| self.kit.token(&moved.session, step.link.clone()));
                if moved.is_some() {
                    side.rows_before.extend(before.map(|row| (session, row.session)));
                }
                (format!("{:?}", moved.is_some()), token)
            }
            Move::Revoke { session } => {
                let id = self.token(session, 0).session;
                let ended =
                    side.subject.store.revoke(id, &Whose::Everyone, &how(RevokedReason::EndedByUser)).await;
                (format!("{:?}", ended.unwrap()), None)
            }
            Move::RevokeAllButOne { session } => {
                let (id, whose) = (self.token(session, 0).session, Whose::User(user("2").id));
                let ended =
                    side.subject.store.revoke_all(&whose, Some(id), &how(RevokedReason::EndedByUser)).await;
                (format!("{:?}", ended.unwrap()), None)
            }
            Move::DisableAndEnable => {
                let disable = UserChange::Disable(how(RevokedReason::UserDisabled));
                let disabled = side.subject.store.change_user(&user("1").id, &[], &[disable]).await.unwrap();
                let enabled =
                    side.subject.store.change_user(&user("1").id, &[], &[UserChange::Enable]).await.unwrap();
                (format!("{disabled:?} {enabled:?}"), None)
            }
            Move::LoseAWrite { session } => {
                if let Some(row) = side.rows_before.get(&session).cloned() {
                    side.put_back(&row).await;
                }
                (String::new(), None)
            }
            Move::Sweep => {
                let swept = side.subject.store.sweep(self.now, &Page::first(100)).await.unwrap();
                (format!("{}", swept.removed), None)
            }
            Move::ClockForward { .. } | Move::ClockBack { .. } => (String::new(), None),
        }
    }

    async fn present(
        &self,
        side: &mut Side,
        session: usize,
        token: &RefreshToken,
    ) -> (String, Option<RefreshToken>) {
        let client = ClientId::first_party();
        let presented = Presented { token, client: &client };
        let row = side.row(token).await;
        match judge(&self.kit.keys, row.as_ref(), presented, &self.policy, self.now) {
            Verdict::Advance(advance, step) => {
                let moved = rotate(&*side.subject.store, &step, self.now).await;
                let moved = moved.expect("no other call has changed the row");
                side.rows_before.extend(row.map(|row| (session, row.session)));
                if advance == Advance::Rotate {
                    let again = rotate(&*side.subject.store, &step, self.now).await;
                    assert_eq!(again, None, "rotated twice");
                }
                (format!("{advance:?}"), Some(self.kit.token(&moved.session, step.link.clone())))
            }
            Verdict::Replay(link) => {
                let row = row.expect("a replay has a row");
                ("Replay".to_owned(), Some(self.kit.token(&row.session, link)))
            }
            Verdict::Revoke(breach) => {
                let how = revoked(breach.reason(), self.now);
                let ended = side.subject.store.revoke(token.session, &Whose::Everyone, &how).await.unwrap();
                (format!("{breach:?} {ended}"), None)
            }
            verdict => (format!("{verdict:?}"), None),
        }
    }
}

async fn play_all(kit: &Kit, late_retry: LateRetry, moves: &[Move]) {
    let mut sides = stores().await.map(|subject| Side { subject, rows_before: HashMap::new() });
    let opened: [_; SESSIONS] = [kit.session("1", NOON), kit.session("2", NOON), kit.session("2", NOON)];
    for side in &sides {
        for id in ["1", "2"] {
            side.subject.store.add_user(&[], &user(id)).await.unwrap();
        }
        for (session, _) in &opened {
            side.subject.store.open(session, &[], None).await.unwrap();
        }
    }
    let handed_out = opened.into_iter().map(|(_, token)| vec![token]).collect();
    let mut game = Game { kit, policy: RefreshPolicy { late_retry, ..kit.policy }, now: NOON, handed_out };
    for (index, this) in moves.iter().enumerate() {
        match *this {
            Move::ClockForward { seconds } => game.now = game.now.plus(Duration::from_secs(seconds)),
            Move::ClockBack { seconds } => game.now = game.now.minus(Duration::from_secs(seconds)),
            _ => {}
        }
        let mut answers = Vec::new();
        for side in &mut sides {
            let (words, token) = game.play(side, this).await;
            let text = token.as_ref().map(|token| token.seal(&kit.keys).unwrap().expose().clone());
            answers.push((words, text, rows(side).await, token));
        }
        let (words, text, rows, token) = answers.pop().expect("there are three sides");
        for (other_words, other_text, other_rows, _) in &answers {
            assert_eq!((&words, &text), (other_words, other_text), "move {index}: {this:?}");
            assert_eq!(&rows, other_rows, "move {index}: {this:?}");
        }
        if let (Some(token), Move::Present { session, .. } | Move::RotateBlindly { session, .. }) =
            (token, this)
        {
            game.handed_out[*session].push(token);
        }
    }
}

async fn rows(side: &Side) -> Vec<SessionWithUser> {
    side.subject.store.sessions(&Whose::Everyone, &Page::first(100)).await.unwrap()
}

#[test]
fn sqlite_behaves_like_the_specification() {
    #[expect(clippy::disallowed_methods, reason = "the soak plays more than a test run")]
    let cases = std::env::var("COUNTERSIGN_INTERLEAVINGS").ok().map_or(150, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let kit = Kit::new();
    for late_retry in [LateRetry::Revoke, LateRetry::Recover] {
        let outcome = TestRunner::new(config.clone()).run(&moves(), |moves| {
            runtime.block_on(play_all(&kit, late_retry, &moves));
            Ok(())
        });
        outcome.unwrap();
    }
}
