//! Logs: one line an event on standard error, for people or as JSON.
//!
//! Control characters in a field are escaped by both formats, so that nobody
//! can write a line of their own.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogConfig, LogFormat};

/// Starts logging. Does nothing when a log has been started before.
///
/// # Errors
///
/// When the filter is malformed.
pub fn start(config: &LogConfig) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Human => log.with_ansi(std::io::stderr().is_terminal()).compact().try_init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    // A second start in one process keeps the first log.
    started.ok();
    Ok(())
}
