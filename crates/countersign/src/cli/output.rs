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
    let mut table = plain_table();
    table.set_header(header);
    table.add_rows(rows);
    line(table.trim_fmt());
}

/// Prints the members of an object as a table of names and values. `absent` stands for `null`.
pub(super) fn members(object: &Value, absent: &str) {
    let plain = |value: &Value| match value {
        Value::Null => absent.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    let mut table = plain_table();
    table.add_rows(
        object.as_object().into_iter().flatten().map(|(name, value)| vec![name.clone(), plain(value)]),
    );
    line(table.trim_fmt());
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Prints an error and its causes on one line. Returns exit code 1.
pub(super) fn fail(error: &anyhow::Error) -> ExitCode {
    remark(format!("error: {error:#}"));
    ExitCode::FAILURE
}
