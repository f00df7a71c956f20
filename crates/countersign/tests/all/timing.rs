//! The time of a rejected sign-in does not depend on the reason.
//!
//! The test measures each reason in turn and compares the times with a rank test (Mann-Whitney).
//! A test run takes 30 samples and fails only if p is at most 1e-6. The long run sets
//! `COUNTERSIGN_TIMING_SAMPLES=500` and requires p > 0.01.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, command};

const PASSWORD: &str = "vbzq mwtx krfj plnd";

#[expect(clippy::disallowed_methods, reason = "the long run takes more samples than a test run")]
fn samples() -> usize {
    std::env::var("COUNTERSIGN_TIMING_SAMPLES").ok().map_or(30, |samples| samples.parse().unwrap())
}

fn seconds(server: &Process, body: &Value) -> f64 {
    #[expect(clippy::disallowed_methods, reason = "this test measures time")]
    let started = std::time::Instant::now();
    let (status, _) = server.post("/getTokens", body);
    assert_eq!(status, 403);
    started.elapsed().as_secs_f64()
}

/// The two-sided p-value of the rank-sum test, with the normal approximation.
fn p_value(one: &[f64], other: &[f64]) -> f64 {
    let (n, m) = (one.len() as f64, other.len() as f64);
    let below = |a: f64| {
        other.iter().map(|b| f64::from(u8::from(*b < a)) + 0.5 * f64::from(u8::from(*b == a))).sum::<f64>()
    };
    let u: f64 = one.iter().map(|a| below(*a)).sum();
    let z = (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Abramowitz and Stegun 7.1.26, with an error of at most 1.5e-7.
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    sum * (-x * x).exp()
}

/// A server with the demo user, a disabled user, a user without a password, and two with imported hashes.
fn server(directory: &std::path::Path) -> Process {
    let server = Process::dev_with(directory, |command| {
        for lane in ["ADDRESS", "ACCOUNT"] {
            command.env(format!("COUNTERSIGN_THROTTLE__{lane}_BURST"), "1000000");
        }
    });
    let run = |arguments: &[&str]| {
        assert!(
            command(directory)
                .args(arguments)
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap()
                .success()
        );
    };
    run(&["user", "add", "disabled", "--generate-password"]);
    run(&["user", "disable", "disabled"]);
    // Each imported hash takes about as long as a hash of this server, so the test would notice a sign-in
    // that skips the work of an imported hash.
    let imported = r#"{"username":"passwordless"}
{"username":"bcrypt","password_hash":"$2b$08$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi"}
{"username":"pbkdf2","password_hash":"pbkdf2_sha256$150000$salt$qHeML+asA16ump7qyYQ/VXA3isvVHTQdaY33m4wzigc="}"#;
    std::fs::write(directory.join("users.jsonl"), imported).unwrap();
    run(&["user", "import", "users.jsonl"]);
    server
}

// E5
#[test]
fn unknown_disabled_passwordless_and_imported_users_take_as_long_as_a_wrong_password() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path());
    let body = |name: &str, password: &str| json!({"username": name, "password": password});
    let causes = [
        ("wrong password", body("john_doe", PASSWORD)),
        ("unknown user", body("unknown", PASSWORD)),
        ("disabled user", body("disabled", PASSWORD)),
        ("no password", body("passwordless", PASSWORD)),
        ("empty password", body("john_doe", "")),
        ("imported bcrypt", body("bcrypt", PASSWORD)),
        ("imported PBKDF2", body("pbkdf2", PASSWORD)),
    ];
    let mut times: Vec<Vec<f64>> = causes.iter().map(|_| Vec::new()).collect();
    // Not measured: the first hashes of a process are slower, and the server only learns the cost of an
    // imported hash when it first verifies one.
    for (_, body) in &causes {
        seconds(&server, body);
    }
    for _ in 0..samples() {
        for ((_, body), times) in causes.iter().zip(&mut times) {
            times.push(seconds(&server, body));
        }
    }
    let bound = if samples() >= 500 { 0.01 } else { 1e-6 };
    let (reference, rest) = times.split_first().unwrap();
    for ((name, _), times) in causes[1..].iter().zip(rest) {
        let p = p_value(reference, times);
        let median = |times: &[f64]| {
            let mut sorted = times.to_vec();
            sorted.sort_by(f64::total_cmp);
            Duration::from_secs_f64(sorted[sorted.len() / 2])
        };
        let result = format!("{name}: {:?} against {:?}, p = {p:.3}\n", median(times), median(reference));
        std::io::Write::write_all(&mut std::io::stderr(), result.as_bytes()).unwrap();
        assert!(p > bound, "{result}");
    }
}

#[test]
fn the_rank_test_detects_a_difference_and_accepts_similar_samples() {
    let even: Vec<f64> = (0..40).map(|index| f64::from(index) * 2.0).collect();
    let odd: Vec<f64> = even.iter().map(|value| value + 1.0).collect();
    let later: Vec<f64> = even.iter().map(|value| value + 100.0).collect();
    assert!(p_value(&even, &odd) > 0.5);
    assert!(p_value(&even, &later) < 1e-6);
}
