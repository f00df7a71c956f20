//! The output of commands. Only this module writes to standard output and standard error.

use std::io::Write;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// Prints a line to standard output. A closed pipe is not an error.
pub(super) fn line(text: impl std::fmt::Display) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Prints a line to standard error. It is for people, not for scripts.
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

/// Prints an error and its causes on one line. Returns exit code 1.
pub(super) fn fail(error: &anyhow::Error) -> ExitCode {
    remark(format!("error: {error:#}"));
    ExitCode::FAILURE
}
