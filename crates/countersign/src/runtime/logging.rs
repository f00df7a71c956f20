//! Logging: one line for each event on standard error, as text or as JSON.
//!
//! Both formats escape control characters in fields, so that an attacker cannot forge a log line. Libraries log data
//! that they read, such as headers and paths, so only the modules of this project may log at levels below `info`.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, ParseError, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Starts logging and sets the panic hook. If logging was started before, the first log stays.
///
/// # Errors
///
/// If `log.filter` is malformed.
pub fn start(config: &LogConfig) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&config.filter)?.and(filter_fn(is_ours_or_quiet));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Human => {
            lines.with_ansi(std::io::stderr().is_terminal()).compact().with_filter(filter).boxed()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.with_filter(filter).boxed()
        }
    };
    // This fails if the process has started logging before, as tests do.
    tracing_subscriber::registry().with(lines).try_init().ok();
    // The message of a panic may quote input of a client; its location does not.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(tracing::field::display);
        tracing::error!(place, "a thread panicked: please report it");
    }));
    Ok(())
}

fn is_ours_or_quiet(event: &Metadata<'_>) -> bool {
    event.target().starts_with("countersign") || *event.level() <= Level::INFO
}
