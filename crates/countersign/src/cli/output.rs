//! What a command prints. Nothing else in the program writes to a terminal.

use std::io::Write;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// Prints a line on standard output. A reader who has gone away is no error.
pub(super) fn line(text: impl std::fmt::Display) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Prints a line on standard error: what a script does not read.
pub(super) fn remark(text: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Prints JSON, indented.
pub(super) fn json(value: &Value) {
    line(format!("{value:#}"));
}

/// Prints a table without borders.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    line(table.trim_fmt());
}

/// Prints an error and its causes.
pub(super) fn fail(error: &anyhow::Error) -> ExitCode {
    remark(format!("error: {error:#}"));
    ExitCode::FAILURE
}
