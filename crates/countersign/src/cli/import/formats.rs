//! Import files: JSON Lines, one JSON array, or CSV with a header line.
//!
//! The first character after an optional byte order mark determines the format.

use countersign_token::json::parse_exact;
use serde_json::{Map, Value};

/// One account of the file, not validated yet.
pub(super) struct Record {
    /// The position in the file: `line 3`, or `entry 3` of an array.
    pub(super) place: String,
    /// The fields, or an error text. In CSV all fields are strings.
    pub(super) fields: Result<Map<String, Value>, String>,
}

/// Splits the text of a file into records.
pub(super) fn records(text: &str) -> Vec<Record> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().chars().next() {
        None => Vec::new(),
        Some('[') => array(text),
        Some('{') => lines(text),
        Some(_) => csv(text),
    }
}

fn lines(text: &str) -> Vec<Record> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let value = parse_exact(line.trim().as_bytes());
            let fields = value.map_err(|error| described(&error)).and_then(object);
            Record { place: format!("line {}", index + 1), fields }
        })
        .collect()
}

fn array(text: &str) -> Vec<Record> {
    let entries = match parse_exact(text.trim().as_bytes()) {
        Ok(Value::Array(entries)) => entries,
        Ok(_) => Vec::new(),
        Err(error) => {
            return vec![Record { place: "array".to_owned(), fields: Err(described(&error)) }];
        }
    };
    let place = |index| format!("entry {}", index + 1);
    entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| Record { place: place(index), fields: object(entry) })
        .collect()
}

fn csv(text: &str) -> Vec<Record> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(columns) => columns.clone(),
        Err(error) => return vec![Record { place: "line 1".to_owned(), fields: Err(error.to_string()) }],
    };
    // After a carriage return, the position is that of the line feed, which still belongs to the previous
    // line.
    let line_of = |position: Option<&csv::Position>| {
        let position = position.cloned().unwrap_or_else(csv::Position::new);
        let byte = usize::try_from(position.byte()).ok().and_then(|at| text.as_bytes().get(at));
        format!("line {}", position.line() + u64::from(byte == Some(&b'\n')))
    };
    let rows = reader.records().map(|row| match row {
        Ok(row) => {
            // An empty field counts as absent.
            let fields = columns.iter().zip(row.iter()).filter(|(_, text)| !text.is_empty());
            let fields = fields.map(|(name, text)| (name.to_owned(), Value::String(text.to_owned())));
            Record { place: line_of(row.position()), fields: Ok(fields.collect()) }
        }
        Err(error) => {
            let error_text = "the line is not CSV, or its number of fields differs from the first line";
            Record { place: line_of(error.position()), fields: Err(error_text.to_owned()) }
        }
    });
    rows.collect()
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err("an account must be a JSON object".to_owned()),
    }
}

fn described(error: &dyn std::error::Error) -> String {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    format!("invalid JSON: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of each record, and its fields as JSON or its error text.
    fn read(text: &str) -> Vec<(String, String)> {
        let records = records(text).into_iter();
        records
            .map(|record| {
                let fields = record.fields.map(|fields| Value::Object(fields).to_string());
                (record.place, fields.unwrap_or_else(|error| error))
            })
            .collect()
    }

    fn expected(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_file_is_read_in_each_format_with_and_without_a_byte_order_mark() {
        let jane = r#"{"id":1,"username":"jane"}"#;
        for mark in ["", "\u{feff}"] {
            assert_eq!(
                read(&format!("{mark}{jane}\r\n\n{jane}")),
                expected(&[("line 1", jane), ("line 3", jane)])
            );
            assert_eq!(read(&format!("{mark}\n[{jane}, 5]")), {
                expected(&[("entry 1", jane), ("entry 2", "an account must be a JSON object")])
            });
            let text = r#"{"claims":"{\"a\": 1}","username":"ja,ne"}"#;
            let rows = "username, email,claims\r\n\"ja,ne\",,\"{\"\"a\"\": 1}\"\r\n";
            assert_eq!(read(&format!("{mark}{rows}")), expected(&[("line 2", text)]));
        }
        assert_eq!(read("\u{feff} \n"), []);
    }

    #[test]
    fn an_error_names_the_place_of_its_record() {
        let twice = &read("{\"username\":\"a\"}\n{\"username\":\"b\",\"username\":\"c\"}")[1];
        assert!(twice.0 == "line 2" && twice.1.starts_with("invalid JSON"), "{twice:?}");
        let rows = read("username,email\na,b\nc\nd,e\n");
        assert_eq!(rows[1].0, "line 3");
        assert!(rows[1].1.contains("number of fields differs"), "{rows:?}");
        assert_eq!(rows[2].0, "line 4");
    }
}
