//! Random lives of a session: a victim, perhaps a thief, lost responses, at most one lost write.
//!
//! The invariants: no token that was spent longer than one grace ago is accepted,
//! except by `recover`; `recover` never revokes a session that has one holder; two
//! holders who take turns are detected within three presentations. The variable
//! `COUNTERSIGN_LIVES` sets the number of lives.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::tests::apply;
use super::*;
use crate::opening::current_token;
use crate::test_support::{NOON, grant, opened, policy, server_keys};

#[derive(Debug, Clone)]
struct Turn {
    wait: u64,
    what: What,
    response_is_lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    VictimRefreshes,
    ThiefRefreshes,
    ThiefCopies,
    StoreLosesAWrite,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let wait = prop::sample::select(vec![0, 0, 1, 1, 3, 9, 10, 11, 30, 900, 7200]);
    let what = prop_oneof![
        12 => Just(What::VictimRefreshes),
        8 => Just(What::ThiefRefreshes),
        1 => Just(What::ThiefCopies),
        1 => Just(What::StoreLosesAWrite),
    ];
    let turn = (wait, what, prop::bool::weighted(0.2)).prop_map(|(wait, what, response_is_lost)| Turn {
        wait,
        what,
        response_is_lost,
    });
    prop::collection::vec(turn, 5..60)
}

struct Play {
    keys: ServerKeys,
    policy: RefreshPolicy,
    row: SessionWithUser,
    before: Session,
    now: Timestamp,
    victim: RefreshToken,
    thief: Option<RefreshToken>,
    has_lost_a_write: bool,
    spent_at: HashMap<Generation, Timestamp>,
}

impl Play {
    fn new(late_retry: LateRetry) -> Self {
        let keys = server_keys(&[1]);
        let (row, victim) = opened(&keys, grant());
        let before = row.session.clone();
        let policy = policy(late_retry);
        let (thief, has_lost_a_write, spent_at) = (None, false, HashMap::new());
        Self { keys, policy, row, before, now: NOON, victim, thief, has_lost_a_write, spent_at }
    }

    fn judge(&self, token: &RefreshToken) -> Verdict {
        let client = ClientId::first_party();
        let presented = Presented { token, client: &client };
        judge(&self.keys, Some(&self.row), presented, &self.policy, self.now)
    }

    /// Returns `false` when the session has ended.
    fn play(&mut self, turn: &Turn) -> bool {
        self.now = self.now.plus(Duration::from_secs(turn.wait));
        let token = match turn.what {
            What::ThiefCopies => {
                self.thief.get_or_insert_with(|| self.victim.clone());
                return true;
            }
            What::StoreLosesAWrite => {
                if !self.has_lost_a_write && self.before != self.row.session {
                    self.row.session = self.before.clone();
                    self.has_lost_a_write = true;
                }
                return true;
            }
            What::ThiefRefreshes => self.thief.clone().unwrap_or_else(|| self.victim.clone()),
            What::VictimRefreshes => self.victim.clone(),
        };
        self.present(turn, &token)
    }

    fn present(&mut self, turn: &Turn, token: &RefreshToken) -> bool {
        let response = match self.judge(token) {
            Verdict::Advance(_, step) => {
                self.before = self.row.session.clone();
                apply(&mut self.row.session, &step);
                self.spent_at.insert(token.generation, self.now);
                current_token(&self.row.session, step.link, &self.keys)
            }
            Verdict::Replay(link) => {
                if let Some(spent_at) = self.spent_at.get(&token.generation) {
                    assert!(
                        self.now.since(*spent_at).unwrap() <= self.policy.grace,
                        "accepted after the grace"
                    );
                }
                current_token(&self.row.session, link, &self.keys)
            }
            Verdict::Revoke(breach) => {
                self.check_end(token, breach);
                return false;
            }
            Verdict::Refuse(Refusal::Ended) => return false,
            verdict => panic!("unexpected: {verdict:?}"),
        };
        let response = response.filter(|_| !turn.response_is_lost);
        if let Some(response) = response {
            let is_thief = turn.what == What::ThiefRefreshes && self.thief.is_some();
            let holder = if is_thief { self.thief.as_mut().unwrap() } else { &mut self.victim };
            if (response.generation, response.issued_at) > (holder.generation, holder.issued_at) {
                *holder = response;
            }
        }
        true
    }

    fn check_end(&self, token: &RefreshToken, breach: Breach) {
        if self.thief.is_some() {
            return;
        }
        assert_eq!(self.policy.late_retry, LateRetry::Revoke, "revoked without a second holder");
        assert_eq!(breach, Breach::Reuse);
        let spent_long_ago = self
            .spent_at
            .get(&token.generation)
            .is_none_or(|spent_at| self.now.since(*spent_at).unwrap() > self.policy.grace);
        assert!(spent_long_ago || self.has_lost_a_write, "revoked within the grace");
    }
}

fn lives() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the soak plays more lives than a test run")]
    let lives = std::env::var("COUNTERSIGN_LIVES");
    lives.ok().map_or(2_000, |lives| lives.parse().unwrap())
}

#[test]
fn no_life_breaks_an_invariant() {
    let config = Config { cases: lives(), failure_persistence: None, ..Config::default() };
    for late_retry in [LateRetry::Revoke, LateRetry::Recover] {
        let outcome = TestRunner::new(config.clone()).run(&turns(), |turns| {
            let mut play = Play::new(late_retry);
            for turn in &turns {
                if !play.play(turn) {
                    break;
                }
            }
            Ok(())
        });
        outcome.unwrap();
    }
}

#[test]
fn two_holders_who_take_turns_are_detected_within_three_presentations() {
    for (late_retry, wait, thief_is_first) in [
        (LateRetry::Revoke, 11, true),
        (LateRetry::Revoke, 900, false),
        (LateRetry::Recover, 11, false),
        (LateRetry::Recover, 60, true),
        (LateRetry::Recover, 900, false),
    ] {
        let mut play = Play::new(late_retry);
        let turn = |what| Turn { wait, what, response_is_lost: false };
        play.play(&turn(What::VictimRefreshes));
        play.play(&turn(What::ThiefCopies));
        let mut order = [What::VictimRefreshes, What::ThiefRefreshes];
        if thief_is_first {
            order.reverse();
        }
        let presentations =
            order.iter().cycle().take_while(|what| play.play(&turn(**what))).take(20).count() + 1;
        assert!(presentations <= 3, "{late_retry:?} {wait} {thief_is_first}: {presentations}");
    }
}
