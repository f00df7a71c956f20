//! SIGKILL at random moments: the server loses no acknowledged write, and no session forks.
//!
//! A session forks when two different successors of one refresh token are valid.
//! `COUNTERSIGN_KILL_ROUNDS` sets the number of rounds (default 25). The long run uses 200.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::SessionId;
use serde_json::{Value, json};

use crate::process::{Process, eventually};

const WORKERS: usize = 8;

#[expect(clippy::disallowed_methods, reason = "the long run has more rounds than a test run")]
fn rounds() -> u64 {
    std::env::var("COUNTERSIGN_KILL_ROUNDS").ok().map_or(25, |rounds| rounds.parse().unwrap())
}

/// What one client knows about its session.
#[derive(Debug, Clone)]
struct Holder {
    /// The last refresh token that the client received.
    token: String,
    /// The refresh token before `token`.
    spent: Option<String>,
    state: Known,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Active,
    /// The client sent a refresh and received no response.
    RefreshInDoubt,
    /// The client sent a revocation and received no response.
    RevocationInDoubt,
    Revoked,
}

fn sign_in(server: &Process) -> Holder {
    let (status, body) = server.post("/getTokens", &json!({}));
    assert_eq!(status, 200, "{body}");
    Holder { token: refresh_token(&body), spent: None, state: Known::Active }
}

fn refresh_token(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["refreshToken"].as_str().unwrap().to_owned()
}

fn token_body(token: &str) -> Value {
    json!({"refreshToken": token})
}

impl Holder {
    /// Refreshes until the connection breaks, or signs out at the turn `revokes_at`.
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

    /// Checks after the restart that every acknowledged refresh and revocation is still in effect.
    fn check(&mut self, server: &Process) {
        let first = server.post("/refreshToken", &token_body(&self.token));
        match (self.state, first.0) {
            (Known::Revoked, status) => assert_eq!(status, 403, "a revocation was lost"),
            (Known::RevocationInDoubt, 200 | 403) => {
                self.state = if first.0 == 200 { Known::Active } else { Known::Revoked }
            }
            (Known::Active | Known::RefreshInDoubt, 200) => self.state = Known::Active,
            other => panic!("a rotation was lost: {other:?}"),
        }
        if self.state != Known::Active {
            return;
        }
        let successor = refresh_token(&first.1);
        // If the client presents this token again, or the token before it, it must get the same successor.
        for token in [Some(&self.token), self.spent.as_ref()].into_iter().flatten() {
            let (status, body) = server.post("/refreshToken", &token_body(token));
            assert_eq!((status, refresh_token(&body)), (200, successor.clone()), "the session forked");
        }
        self.spent = Some(std::mem::replace(&mut self.token, successor));
    }
}

/// The session id in a refresh token: the 16 bytes after the version and the key id.
fn session_of(token: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("csr_").unwrap()).unwrap();
    SessionId::from_bytes(bytes[2..18].try_into().unwrap()).to_string()
}

/// The sessions on the revocation list.
fn listed(server: &Process) -> BTreeSet<String> {
    let (mut sessions, mut after) = (BTreeSet::new(), String::new());
    loop {
        let (status, page) = server.get(&format!("/revocations{after}"));
        assert_eq!(status, 200, "{page}");
        let payload = URL_SAFE_NO_PAD.decode(page.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&payload).unwrap();
        let entries = claims["revocations"].as_array().unwrap();
        sessions.extend(entries.iter().filter_map(|entry| entry["sid"].as_str()).map(str::to_owned));
        if claims["more"] == false {
            return sessions;
        }
        after = format!("?after={}", claims["cursor"].as_str().unwrap());
    }
}

/// Row 12 of the refresh table repairs a lost rotation without an error for the client, so this reads the
/// metric that counts these repairs.
fn assert_no_rotation_was_lost(server: &mut Process) {
    let main = std::mem::replace(&mut server.port, 0);
    server.port = server.management_port();
    let metrics = server.get("/metrics").1;
    assert!(metrics.contains("countersign_refresh_total{outcome=\"rollback_detected\"} 0"), "{metrics}");
    server.port = main;
}

/// A simple random number generator: the moments must differ and need not be secret.
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
        Arc::try_unwrap(running)
            .unwrap_or_else(|_| panic!("round {round}: a worker is still running"))
            .kill();
        server = Process::dev(directory.path());
        let mut restarted = server;
        assert!(eventually(|| restarted.get("/revocations").0 == 200));
        let listed = listed(&restarted);
        for holder in &holders {
            let mut holder = holder.lock().unwrap();
            match holder.state {
                Known::Revoked => {
                    counts.0 += 1;
                    assert!(listed.contains(&session_of(&holder.token)), "the revocation is not on the list");
                }
                Known::RefreshInDoubt => counts.1 += 1,
                Known::RevocationInDoubt => counts.2 += 1,
                Known::Active => {}
            }
            holder.check(&restarted);
            if holder.state == Known::Revoked {
                *holder = sign_in(&restarted);
            }
        }
        assert_no_rotation_was_lost(&mut restarted);
        server = restarted;
    }
    let (revoked, refreshes, revocations) = counts;
    assert!(revoked > 0 && refreshes > 0, "{} rounds interrupted no request", rounds());
    let summary = format!(
        "{} rounds: {revoked} acknowledged revocations kept, {refreshes} refreshes and {revocations} revocations \
         without a response\n",
        rounds()
    );
    std::io::Write::write_all(&mut std::io::stderr(), summary.as_bytes()).unwrap();
}
