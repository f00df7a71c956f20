//! `countersign bench`: it completes the requests that it reports. These tests do not check speed.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::process::{Process, command};

fn bench(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = command(directory);
    command.arg("bench").args(["--seconds", "1", "--connections", "3"]).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

fn results(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn each_profile_completes_requests_on_a_temporary_server() {
    let directory = tempfile::tempdir().unwrap();
    let results = results(&bench(directory.path(), &["--json"], ""));
    for profile in ["sign-in", "refresh", "verify", "mixed"] {
        let measured = &results[profile];
        assert!(measured["requests"].as_u64().unwrap() > 0, "{profile}: {measured}");
        assert_eq!(measured["errors"], 0, "{profile}: {measured}");
        let micros = |name: &str| measured[name].as_u64().unwrap();
        assert!(micros("p50_micros") > 0 && micros("p50_micros") <= micros("p999_micros"), "{measured}");
        assert!(micros("p999_micros") <= micros("max_micros"), "{measured}");
    }
    assert!(!directory.path().join("data").exists(), "the temporary server leaves no data");
}

#[test]
fn a_running_server_is_measured_with_a_given_account() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev(directory.path());
    let mut add = command(directory.path());
    add.args(["user", "add", "jane", "--password-stdin"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = add.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"vbzq mwtx krfj plnd\n").unwrap();
    assert!(child.wait().unwrap().success());
    let url = format!("http://{}/", server.address());
    let refresh = ["--url", &url, "--username", "jane", "--profile", "refresh"];
    let shown = bench(directory.path(), &refresh, "vbzq mwtx krfj plnd\n");
    let table = String::from_utf8(shown.stdout).unwrap();
    assert!(table.contains("REQUESTS/S") && table.contains("refresh "), "{table}");
    let shown = bench(directory.path(), &refresh, "wrong\n");
    let stderr = String::from_utf8(shown.stderr).unwrap();
    assert!(
        !shown.status.success() && stderr.contains("the server responded to a sign-in with 403"),
        "{stderr}"
    );
}

#[test]
fn rejected_refreshes_are_reported_with_a_way_to_avoid_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::dev_with(directory.path(), |command| {
        command.env("COUNTERSIGN_THROTTLE__SESSION_BURST", "1");
    });
    let url = format!("http://{}", server.address());
    let output = bench(directory.path(), &["--json", "--url", &url, "--profile", "refresh"], "");
    let rejected = results(&output)["refresh"]["errors_by_status"]["429"].as_u64().unwrap();
    assert!(rejected > 0);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let hint = " were 429: the server limits refreshes per session; use more --connections or raise \
                throttle.session_burst";
    assert!(stderr.starts_with("refresh: ") && stderr.trim_end().ends_with(hint), "{stderr}");
}

#[test]
fn bench_explains_why_it_cannot_measure() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, reason) in [
        (&["--url", "https://id.example"][..], "must be a URL such as http://localhost:3000"),
        (&["--url", "http://127.0.0.1:1"], "cannot reach 127.0.0.1:1"),
        (&["--username", "jane"], "--username needs --url"),
    ] {
        let output = bench(directory.path(), arguments, "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
}
