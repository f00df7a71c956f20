//! What flows use besides the store: signing keys, limits, the revocation list, events, metrics.
//!
//! A service does not use [`crate::app`], flows or HTTP. It gets the parts that it needs as arguments.

pub mod client_network;
pub mod client_registry;
pub mod cursor;
pub mod event_log;
pub mod gcra;
pub mod hash_pool;
pub mod keyring;
pub mod lab;
pub mod metrics;
pub mod revocation_window;
pub mod signed_pages;
pub mod slots;
pub mod terms;
pub mod throttle;
