//! Tests of the rows of the state machine.

use std::time::Duration;

use super::*;
use crate::opening::current_token;
use crate::session::{Revoked, SessionState};
use crate::test_support::{NOON, grant, opened, policy, presence, server_keys};

/// A session, all its tokens so far, and the time.
struct Life {
    keys: ServerKeys,
    row: SessionWithUser,
    tokens: Vec<RefreshToken>,
    policy: RefreshPolicy,
    now: Timestamp,
}

impl Life {
    fn new(late_retry: LateRetry) -> Self {
        let keys = server_keys(&[1]);
        let (row, token) = opened(&keys, grant());
        Self { keys, row, tokens: vec![token], policy: policy(late_retry), now: NOON }
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn judge(&self, token: &RefreshToken) -> Verdict {
        let client = ClientId::first_party();
        let presented = Presented { token, client: &client };
        judge(&self.keys, Some(&self.row), presented, &self.policy, self.now)
    }

    fn judge_generation(&self, generation: usize) -> Verdict {
        self.judge(&self.tokens[generation])
    }

    fn take(&mut self, verdict: Verdict) -> Advance {
        let Verdict::Advance(advance, step) = verdict else { panic!("expected a step, got {verdict:?}") };
        apply(&mut self.row.session, &step);
        self.tokens.push(current_token(&self.row.session, step.link, &self.keys).unwrap());
        advance
    }

    fn rotate(&mut self) {
        let verdict = self.judge(self.tokens.last().unwrap());
        assert_eq!(self.take(verdict), Advance::Rotate);
    }
}

/// Does what a store does with a step.
pub(super) fn apply(session: &mut Session, step: &Step) {
    assert_eq!((session.ratchet.generation, session.ratchet.current), (step.from, step.from_hash));
    step.apply(session, &presence(step.spent.at));
}

fn refusal(verdict: Verdict) -> Refusal {
    let Verdict::Refuse(refusal) = verdict else { panic!("expected a refusal, got {verdict:?}") };
    refusal
}

fn breach(verdict: Verdict) -> Breach {
    let Verdict::Revoke(breach) = verdict else { panic!("expected a breach, got {verdict:?}") };
    breach
}

#[test]
fn row_1_an_unknown_session_is_rejected() {
    let life = Life::new(LateRetry::Revoke);
    let client = ClientId::first_party();
    let presented = Presented { token: &life.tokens[0], client: &client };
    assert_eq!(refusal(judge(&life.keys, None, presented, &life.policy, NOON)), Refusal::NoSuchSession);
}

// B8, B9, D3, D8
#[test]
fn row_2_an_ended_session_is_rejected() {
    let changes: [fn(&mut Life); 6] = [
        |life| {
            let by = presence(NOON);
            let revoked = Revoked { reason: RevokedReason::SignedOut, by, presented: None };
            life.row.session.state = SessionState::Revoked(revoked);
        },
        |life| life.wait(7 * 86_400),
        |life| life.row.session.absolute_expires_at = NOON,
        |life| life.row.user.as_mut().unwrap().disabled_at = Some(NOON),
        |life| life.row.user.as_mut().unwrap().epoch += 1,
        |life| life.row.user = None,
    ];
    for change in changes {
        let mut life = Life::new(LateRetry::Revoke);
        change(&mut life);
        assert_eq!(refusal(life.judge_generation(0)), Refusal::Ended);
    }
}

#[test]
fn row_3_another_client_is_rejected() {
    let life = Life::new(LateRetry::Revoke);
    let other = "other".parse().unwrap();
    let presented = Presented { token: &life.tokens[0], client: &other };
    let verdict = judge(&life.keys, Some(&life.row), presented, &life.policy, NOON);
    assert_eq!(refusal(verdict), Refusal::AnotherClient);
}

#[test]
fn row_4_a_changed_grant_revokes_the_session() {
    let changes: [fn(&mut Session); 4] = [
        |session| session.grant.user = "2".parse().unwrap(),
        |session| session.grant.scope = "countersign:admin".parse().unwrap(),
        |session| session.grant.audience.push('2'),
        |session| drop(session.grant.claims.insert("role".to_owned(), "admin".into())),
    ];
    for change in changes {
        let mut life = Life::new(LateRetry::Revoke);
        change(&mut life.row.session);
        assert_eq!(breach(life.judge_generation(0)), Breach::RowTampered);
    }
}

#[test]
fn row_5_a_genuine_tag_with_a_wrong_secret_changes_nothing() {
    let mut life = Life::new(LateRetry::Revoke);
    life.rotate();
    let other = ratchet::RatchetSecret::from_bytes([0xEE; 16]);
    for generation in [0, 1] {
        let mut token = life.tokens[generation].clone();
        token.link.secret = other.clone();
        assert_eq!(refusal(life.judge(&token)), Refusal::SecretDoesNotFit);
    }
    let mut ahead = life.tokens[1].clone();
    (ahead.generation, ahead.link.secret) = (2, other);
    assert_eq!(refusal(life.judge(&ahead)), Refusal::SecretDoesNotFit);
}

// B6
#[test]
fn row_7_the_current_token_is_rotated() {
    let mut life = Life::new(LateRetry::Revoke);
    life.rotate();
    assert_eq!(life.row.session.ratchet.generation, 1);
    assert!(life.row.session.ratchet.current.fits(&life.tokens[1].link.secret));
}

#[test]
fn row_8_a_generation_that_a_recovery_skipped_revokes_the_session() {
    let mut life = Life::new(LateRetry::Recover);
    life.rotate();
    life.wait(11);
    let verdict = life.judge_generation(0);
    assert_eq!(life.take(verdict), Advance::Recover);
    assert_eq!(breach(life.judge_generation(1)), Breach::SkippedGeneration);
}

#[test]
fn row_9_a_replay_within_the_grace_returns_the_same_token_again() {
    let mut life = Life::new(LateRetry::Revoke);
    life.rotate();
    life.wait(10);
    let Verdict::Replay(link) = life.judge_generation(0) else { panic!("expected a replay") };
    let again = current_token(&life.row.session, link, &life.keys).unwrap();
    let text = |token: &RefreshToken| token.seal(&life.keys).unwrap().expose().clone();
    assert_eq!(text(&again), text(&life.tokens[1]));
}

#[test]
fn row_9_the_first_token_of_a_burst_is_within_the_grace_of_the_burst() {
    let mut life = Life::new(LateRetry::Revoke);
    life.wait(900);
    life.rotate();
    for _ in 0..4 {
        life.wait(2);
        life.rotate();
    }
    assert!(matches!(life.judge_generation(0), Verdict::Replay(_)));
    life.wait(3);
    assert_eq!(breach(life.judge_generation(0)), Breach::Reuse, "the burst began 11 seconds ago");
}

#[test]
fn row_9_a_replay_returns_the_same_bytes_after_the_master_key_was_replaced() {
    let mut life = Life::new(LateRetry::Revoke);
    life.rotate();
    life.keys = server_keys(&[2, 1]);
    let Verdict::Replay(link) = life.judge_generation(0) else { panic!("expected a replay") };
    let again = current_token(&life.row.session, link, &life.keys).unwrap();
    let text = |token: &RefreshToken| token.seal(&life.keys).unwrap().expose().clone();
    assert_eq!(text(&again), text(&life.tokens[1]));
}

#[test]
fn row_10_a_late_retry_recovers_eight_times_in_a_row() {
    let mut life = Life::new(LateRetry::Recover);
    life.rotate();
    for _ in 0..MAX_RECOVERIES {
        life.wait(11);
        let verdict = life.judge_generation(0);
        assert_eq!(life.take(verdict), Advance::Recover);
    }
    life.wait(11);
    assert_eq!(breach(life.judge_generation(0)), Breach::Reuse);
}

#[test]
fn row_11_a_spent_token_after_the_grace_revokes_the_session() {
    let mut life = Life::new(LateRetry::Revoke);
    life.rotate();
    life.wait(11);
    assert_eq!(breach(life.judge_generation(0)), Breach::Reuse);
}

#[test]
fn row_9_a_replay_at_a_node_whose_clock_is_behind_is_accepted_up_to_the_tolerance() {
    for behind in 0..=5 {
        let mut life = Life::new(LateRetry::Revoke);
        life.wait(100);
        life.rotate();
        life.now = NOON.plus(Duration::from_secs(100 - behind));
        assert!(matches!(life.judge_generation(0), Verdict::Replay(_)), "{behind} s behind");
    }
}

#[test]
fn row_11_a_clock_further_behind_than_the_tolerance_is_outside_the_grace() {
    for behind in [6, 60, 100] {
        let mut life = Life::new(LateRetry::Revoke);
        life.wait(100);
        life.rotate();
        life.now = NOON.plus(Duration::from_secs(100 - behind));
        life.tokens[0].issued_at = NOON.plus(Duration::from_secs(200));
        assert_eq!(breach(life.judge_generation(0)), Breach::Reuse, "{behind} s behind");
    }
}

#[test]
fn a_node_whose_clock_is_behind_rotates_a_token_of_a_node_whose_clock_is_ahead() {
    let mut life = Life::new(LateRetry::Revoke);
    life.wait(100);
    life.rotate();
    life.now = NOON.plus(Duration::from_secs(98));
    life.rotate();
    assert_eq!(life.row.session.ratchet.generation, 2);
}

#[test]
fn row_12_a_lost_write_of_a_node_whose_clock_is_ahead_is_repaired() {
    let mut life = Life::new(LateRetry::Revoke);
    let before = life.row.clone();
    life.wait(900);
    life.rotate();
    life.row = before;
    life.now = NOON.plus(Duration::from_secs(897));
    let verdict = life.judge_generation(1);
    assert_eq!(life.take(verdict), Advance::CatchUp);
}

#[test]
fn row_11_a_token_more_than_64_generations_behind_is_reuse() {
    let mut life = Life::new(LateRetry::Revoke);
    for _ in 0..=ratchet::MAX_STEPS {
        life.wait(11);
        life.rotate();
    }
    assert_eq!(breach(life.judge_generation(0)), Breach::Reuse);
}

#[test]
fn a_grace_of_zero_makes_every_duplicate_reuse() {
    let mut life = Life::new(LateRetry::Revoke);
    life.policy.grace = Duration::ZERO;
    life.rotate();
    assert_eq!(breach(life.judge_generation(0)), Breach::Reuse);
}

#[test]
fn row_12_one_lost_write_revokes_no_session() {
    let mut life = Life::new(LateRetry::Revoke);
    let before = life.row.clone();
    life.wait(900);
    life.rotate();
    life.row = before;
    life.wait(900);
    let verdict = life.judge_generation(1);
    assert_eq!(life.take(verdict), Advance::CatchUp);
    assert_eq!(life.row.session.ratchet.generation, 2);
    life.rotate();
}

#[test]
fn row_12_a_token_that_is_not_recent_is_ahead_of_the_store() {
    let mut life = Life::new(LateRetry::Revoke);
    let before = life.row.clone();
    life.rotate();
    life.row = before;
    life.tokens[1].issued_at = NOON.minus(Duration::from_secs(8 * 86_400));
    assert_eq!(breach(life.judge_generation(1)), Breach::AheadOfStore);
}

#[test]
fn row_13_two_lost_writes_revoke_the_session() {
    let mut life = Life::new(LateRetry::Revoke);
    let before = life.row.clone();
    life.rotate();
    life.rotate();
    life.row = before;
    assert_eq!(breach(life.judge_generation(2)), Breach::AheadOfStore);
}
