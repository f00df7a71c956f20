//! What keeps a process running: its keys, its limits, its numbers, its end.

mod connections;
pub mod cursor;
pub mod event_log;
mod event_ring;
pub mod gcra;
pub mod hash_pool;
pub mod high_water;
pub mod keyring;
pub mod logging;
pub mod metrics;
pub mod places;
pub mod revocation_window;
pub mod server;
pub mod sweeper;
pub mod throttle;
