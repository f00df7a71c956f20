//! The server, its command line and its configuration.
//!
//! `flows` holds one file a use case and knows no HTTP; `http` turns requests
//! into flows and their outcomes into replies; `operations` keeps a process
//! running; `config` alone reads files and environment, and `system` alone the
//! clock and the random generator.

pub mod app;
pub mod assembly;
pub mod cli;
pub mod config;
pub mod flows;
pub mod http;
pub mod load;
pub mod operations;
pub mod system;
pub mod time_text;
pub mod user_body;
pub mod visitor;
