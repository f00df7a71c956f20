//! What keeps a process running: its keys, its limits, its numbers, its end.

pub mod cursor;
mod connections;
pub mod event_log;
mod event_ring;
pub mod gcra;
pub mod hash_pool;
pub mod keyring;
pub mod logging;
pub mod metrics;
pub mod places;
pub mod revocation_window;
pub mod server;
pub mod sweeper;
pub mod throttle;
