//! The server, its command line and its configuration.
//!
//! From the bottom: `services` (what flows use besides the store) · `config` (the only
//! place that reads files and environment variables) · `app` (all parts of a running
//! server) · `flows` (one file for each use case, without HTTP) · `http` (requests into
//! flows, outcomes into replies) · `runtime` (what runs the process) · `cli` (one file for
//! each command). A module uses modules below it, never one above.

pub mod app;
pub mod cli;
pub mod config;
pub mod flows;
pub mod http;
pub mod runtime;
pub mod services;
pub mod system;
pub mod time_text;
pub mod user_body;
pub mod visitor;
