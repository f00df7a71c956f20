//! SIGKILL at random moments: what was acknowledged is never lost, and nothing forks.
//!
//! `COUNTERSIGN_KILL_ROUNDS` sets the rounds; the long run plays two hundred.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::SessionId;
use serde_json::{Value, json};

use crate::process::{Process, patiently};

const WORKERS: usize = 8;

#[expect(clippy::disallowed_methods, reason = "the long run plays more rounds than a test run")]
fn rounds() -> u64 {
    std::env::var("COUNTERSIGN_KILL_ROUNDS").ok().map_or(25, |rounds| rounds.parse().unwrap())
}

/// What one client knows of its session.
#[derive(Debug, Clone)]
struct Holder {
    /// The last token that was acknowledged.
    token: String,
    /// The one before it.
    spent: Option<String>,
    state: Known,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Live,
    /// A refresh was sent and never answered.
    RefreshInDoubt,
    /// A revocation was sent and never answered.
    RevocationInDoubt,
    Revoked,
}

fn sign_in(server: &Process) -> Holder {
    let (status, body) = server.post("/getTokens", &json!({}));
    assert_eq!(status, 200, "{body}");
    Holder { token: refresh_token(&body), spent: None, state: Known::Live }
}

fn refresh_token(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["refreshToken"].as_str().unwrap().to_owned()
}

fn token_body(token: &str) -> Value {
    json!({"refreshToken": token})
}

impl Holder {
    /// Refreshes, or now and then revokes, until the connection breaks.
    fn work(&mut self, server: &Process, stop: &AtomicBool, revokes_at: u64) {
        for turn in 0.. {
            if stop.load(Ordering::SeqCst) || self.state == Known::Revoked {
                return;
            }
            let revokes = turn == revokes_at;
            let path = if revokes { "/logout" } else { "/refreshToken" };
            match server.try_post(path, &token_body(&self.token)) {
                None if revokes => self.state = Known::RevocationInDoubt,
                None => self.state = Known::RefreshInDoubt,
                Some((204, _)) => self.state = Known::Revoked,
                Some((200, body)) => {
                    self.spent = Some(std::mem::replace(&mut self.token, refresh_token(&body)));
                    continue;
                }
                Some(other) => panic!("{other:?}"),
            }
            return;
        }
    }

    /// After the restart: is everything that was acknowledged still so?
    fn check(&mut self, server: &Process) {
        let first = server.post("/refreshToken", &token_body(&self.token));
        match (self.state, first.0) {
            (Known::Revoked, status) => assert_eq!(status, 403, "a revocation was lost"),
            (Known::RevocationInDoubt, 200 | 403) => {
                self.state = if first.0 == 200 { Known::Live } else { Known::Revoked }
            }
            (Known::Live | Known::RefreshInDoubt, 200) => self.state = Known::Live,
            other => panic!("a rotation was lost: {other:?}"),
        }
        if self.state != Known::Live {
            return;
        }
        let successor = refresh_token(&first.1);
        // Presented again, and from the token before it, the same successor: no fork.
        for token in [Some(&self.token), self.spent.as_ref()].into_iter().flatten() {
            let (status, body) = server.post("/refreshToken", &token_body(token));
            assert_eq!((status, refresh_token(&body)), (200, successor.clone()), "a fork");
        }
        self.spent = Some(std::mem::replace(&mut self.token, successor));
    }
}

/// The session that a refresh token names, behind its version and key id.
fn session_of(token: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("csr_").unwrap()).unwrap();
    SessionId::from_bytes(bytes[2..18].try_into().unwrap()).to_string()
}

/// The sessions on the list that verifiers follow.
fn listed(server: &Process) -> BTreeSet<String> {
    let (mut sessions, mut after) = (BTreeSet::new(), String::new());
    loop {
        let (status, piece) = server.get(&format!("/revocations{after}"));
        assert_eq!(status, 200, "{piece}");
        let payload = URL_SAFE_NO_PAD.decode(piece.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&payload).unwrap();
        let entries = claims["revocations"].as_array().unwrap();
        sessions.extend(entries.iter().filter_map(|entry| entry["sid"].as_str()).map(str::to_owned));
        if claims["more"] == false {
            return sessions;
        }
        after = format!("?after={}", claims["cursor"].as_str().unwrap());
    }
}

/// A rotation that was answered and lost would be mended by the table's row 12, and no client would notice.
fn assert_nothing_was_mended(server: &mut Process) {
    let main = std::mem::replace(&mut server.port, 0);
    server.port = server.management_port();
    let metrics = server.get("/metrics").1;
    assert!(metrics.contains("countersign_refresh_total{outcome=\"rollback_detected\"} 0"), "{metrics}");
    server.port = main;
}

/// A simple generator: the moments must differ, and need not be secret.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn sigkill_loses_no_acknowledged_write_and_forks_no_session() {
    let directory = tempfile::tempdir().unwrap();
    let mut seed = u64::from(std::process::id());
    let mut server = Process::dev(directory.path());
    let holders: Vec<_> = (0..WORKERS).map(|_| Arc::new(Mutex::new(sign_in(&server)))).collect();
    let mut counts = (0_u32, 0_u32, 0_u32);
    for round in 0..rounds() {
        let running = Arc::new(server);
        let stop = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> = holders
            .iter()
            .map(|holder| {
                let (holder, server, stop) = (holder.clone(), running.clone(), stop.clone());
                let revokes_at = next(&mut seed) % 120;
                thread::spawn(move || holder.lock().unwrap().work(&server, &stop, revokes_at))
            })
            .collect();
        thread::sleep(Duration::from_millis(20 + next(&mut seed) % 180));
        running.signal("-KILL");
        for worker in workers {
            worker.join().unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        Arc::try_unwrap(running).unwrap_or_else(|_| panic!("round {round}: a worker holds on")).kill();
        server = Process::dev(directory.path());
        let mut restarted = server;
        assert!(patiently(|| restarted.get("/revocations").0 == 200));
        let listed = listed(&restarted);
        for holder in &holders {
            let mut holder = holder.lock().unwrap();
            match holder.state {
                Known::Revoked => {
                    counts.0 += 1;
                    assert!(listed.contains(&session_of(&holder.token)), "no verifier would hear of it");
                }
                Known::RefreshInDoubt => counts.1 += 1,
                Known::RevocationInDoubt => counts.2 += 1,
                Known::Live => {}
            }
            holder.check(&restarted);
            if holder.state == Known::Revoked {
                *holder = sign_in(&restarted);
            }
        }
        assert_nothing_was_mended(&mut restarted);
        server = restarted;
    }
    let (revoked, refreshes, revocations) = counts;
    assert!(revoked > 0 && refreshes > 0, "{rounds} rounds met nothing", rounds = rounds());
    let summary = format!(
        "{} rounds: {revoked} acknowledged revocations kept, {refreshes} refreshes and {revocations} revocations \
         were in flight\n",
        rounds()
    );
    std::io::Write::write_all(&mut std::io::stderr(), summary.as_bytes()).unwrap();
}
