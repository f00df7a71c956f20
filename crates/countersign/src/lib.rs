//! The server, its command line and its configuration.
//!
//! The layers, from the bottom: `services` (parts that flows use in addition to the store) · `config` (the only
//! module that reads configuration files and environment variables) · `app` (all parts of a running server) ·
//! `flows` (one file for each use case, without HTTP) · `http` (maps requests to flows, and their results to
//! responses) · `runtime` (runs the process) · `cli` (one file for each command). A module uses only modules below it.

pub mod app;
pub mod cli;
pub mod client_body;
pub mod config;
pub mod flows;
pub mod http;
pub mod runtime;
pub mod services;
pub mod session_body;
pub mod system;
pub mod time_text;
pub mod user_body;
pub mod visitor;
