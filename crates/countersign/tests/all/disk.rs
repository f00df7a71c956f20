//! A full disk and a read-only data directory: the server reports a clear error or a 503, and loses no data.
//!
//! The server runs in a separate mount namespace, on a small file system in memory. The test fills this file
//! system through `/proc/PID/root`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::process::{Process, eventually};

/// The command for a server whose data directory is in `disk`. The shell script runs first and mounts `disk`.
fn on_small_disk(directory: &Path, script: &str) -> Command {
    let binary = env!("CARGO_BIN_EXE_countersign");
    let serve = format!(
        "{script}; exec {binary} --data-dir disk/data serve --dev --listen 127.0.0.1:0 --management-listen 127.0.0.1:0"
    );
    let mut command = Command::new("unshare");
    // Root may mount file systems. Other users become root in a new user namespace.
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-ec", &serve]);
    std::fs::create_dir_all(directory.join("disk")).unwrap();
    command.current_dir(directory);
    command
}

/// The path of the small disk outside its mount namespace.
fn disk(server: &Process, directory: &Path) -> PathBuf {
    let inside = std::fs::canonicalize(directory).unwrap().join("disk");
    PathBuf::from(format!("/proc/{}/root{}", server.child.id(), inside.display()))
}

fn refresh(server: &Process, token: &str) -> (u16, String) {
    server.post("/refreshToken", &json!({"refreshToken": token}))
}

fn refresh_token(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["refreshToken"].as_str().unwrap().to_owned()
}

/// Writes to the disk until it is full.
fn fill(disk: &Path) {
    use std::io::Write;
    let mut ballast = std::fs::File::options().create(true).append(true).open(disk.join("ballast")).unwrap();
    while ballast.write_all(&[0; 4096]).is_ok() {}
}

#[test]
fn on_a_full_disk_the_server_returns_503_and_loses_no_data() {
    let directory = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=3m none disk";
    let server = Process::start(on_small_disk(directory.path(), mount));
    let mut token = refresh_token(&server.post("/getTokens", &json!({})).1);
    let disk = disk(&server, directory.path());
    fill(&disk);
    // The last page of the write-ahead log may still have space for a few writes.
    let mut refused = None;
    for _ in 0..2000 {
        let (status, body) = refresh(&server, &token);
        if status != 200 {
            refused = Some((status, body));
            break;
        }
        token = refresh_token(&body);
    }
    let (status, body) = refused.expect("the disk is full");
    assert_eq!((status, body.contains("Retry shortly")), (503, true), "{body}");
    assert_eq!(server.get("/readyz").0, 503);
    assert_eq!(server.get("/livez").0, 200);
    let sign_out = server.post("/logout", &json!({"refreshToken": token}));
    assert_eq!(sign_out.0, 503, "a revocation that is not durable is not acknowledged");
    assert!(server.log.lock().unwrap().contains("a request failed because of a store error"));
    std::fs::remove_file(disk.join("ballast")).unwrap();
    assert!(eventually(|| server.get("/readyz").0 == 200), "{}", server.log.lock().unwrap());
    let (status, body) = refresh(&server, &token);
    assert_eq!(status, 200, "the last acknowledged token is still valid: {body}");
    assert_eq!(refresh(&server, &refresh_token(&body)).0, 200);
}

#[test]
fn a_read_only_data_directory_is_an_error_at_startup() {
    let directory = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=3m none disk; mkdir disk/data; mount -o remount,ro disk";
    let refused = Process::try_start(on_small_disk(directory.path(), mount)).err().unwrap();
    assert!(refused.contains("cannot write disk/data/master-key"), "{refused}");
    let script = format!(
        "mount -t tmpfs -o size=8m none disk; \
         {} --data-dir disk/data serve --dev --listen 127.0.0.1:0 --management-listen 127.0.0.1:0 >disk/out & \
         server=$!; until grep -q running disk/out; do sleep 0.05; done; kill -9 $server; wait $server || true; \
         mount -o remount,ro disk",
        env!("CARGO_BIN_EXE_countersign")
    );
    let refused = Process::try_start(on_small_disk(directory.path(), &script)).err().unwrap();
    assert!(refused.contains("check that the directory exists, has space and can be written"), "{refused}");
}
