//! Integration tests of the server: in the test's process with a manual clock, or as a separate process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic or a failed unwrap is how a test reports an unexpected value"
)]

mod accounts;
mod admin;
mod backup;
mod bad_input;
mod bench;
mod claims;
mod cli;
mod cli_clients;
mod clients;
mod concurrency;
mod cookies;
mod cross_origin;
mod disk;
mod emails;
mod events;
mod forward_auth;
mod frame;
mod growth;
mod guessing;
mod harness;
mod hashing;
mod import;
mod interloper;
mod keys;
mod kill;
mod lab;
mod legacy;
mod log_lines;
mod names;
mod oauth;
mod operations;
mod process;
mod proxies;
mod refresh;
mod restore;
mod revocations;
mod secrecy;
mod sessions;
mod sub_path;
mod throttle;
mod timing;
mod tutorial;
mod vectors;
mod wire;
