//! Logs: one line an event on standard error, for people or as JSON.
//!
//! Control characters in a field are escaped by both formats, so that nobody
//! can write a line of their own. Libraries print what they read, headers and
//! paths among it: only our own modules are ever more talkative than `info`.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, ParseError, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Starts logging. Does nothing when a log has been started before.
///
/// # Errors
///
/// When the filter is malformed.
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
    // A second start in one process keeps the first log.
    tracing_subscriber::registry().with(lines).try_init().ok();
    // The words of a panic may quote what somebody sent; its place does not.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(tracing::field::display);
        tracing::error!(place, "a thread panicked: please report it");
    }));
    Ok(())
}

fn is_ours_or_quiet(event: &Metadata<'_>) -> bool {
    event.target().starts_with("countersign") || *event.level() <= Level::INFO
}
