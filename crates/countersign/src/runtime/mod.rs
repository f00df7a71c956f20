//! Runs the process: assembly from the configuration, listeners, background tasks, reload, shutdown.

pub mod assembly;
mod background;
mod connections;
pub mod high_water;
pub mod logging;
pub mod server;
pub mod signals;
pub mod sweeper;
mod tls;
