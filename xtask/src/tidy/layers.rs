//! Names that a layer must not contain: the store in handlers, HTTP in flows, and SQL outside the store.
//!
//! The rules search for words in the code. They skip lines that are only a comment.

use super::Fault;
use crate::sources::SourceFile;

const HANDLERS: &str = "crates/countersign/src/http/";
const FLOWS: &str = "crates/countersign/src/flows/";
const CONFIG: &str = "crates/countersign/src/config";
const STORE: &str = "crates/countersign-store/";
/// The comparison starts databases for other servers.
const BENCH: &str = "bench/";
/// These rules contain the words that they search for.
const XTASK: &str = "xtask/";

const HTTP: [&str; 4] = ["axum", "hyper", "http::", "StatusCode"];
const SQL: [&str; 6] = ["rusqlite", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "SELECT * FROM", "PRAGMA "];
const BACK_ENDS: [&str; 5] = ["sqlite", "postgres", "cassandra", "scylla", "rusqlite"];

/// Reports handlers that use the store. A handler extracts the request, calls a flow and replies.
pub(super) fn handlers_do_not_use_the_store(files: &[SourceFile]) -> Vec<Fault> {
    let what = "a handler uses the store; move this code to a flow and call the flow";
    let handlers = files.iter().filter(|file| file.path.starts_with(HANDLERS));
    find(handlers, what, |line| names(line, "store."))
}

/// Reports flows that name HTTP. Only `http` turns the outcome of a flow into a status.
pub(super) fn flows_do_not_name_http(files: &[SourceFile]) -> Vec<Fault> {
    let what = "a flow names HTTP; return a type of the flow and map it in `http`";
    let flows = files.iter().filter(|file| file.path.starts_with(FLOWS));
    find(flows, what, |line| HTTP.iter().any(|word| names(line, word)))
}

/// Reports SQL and its driver outside the store crate. Tests may use SQL, because only SQL can damage a row.
pub(super) fn sql_stays_in_the_store(files: &[SourceFile]) -> Vec<Fault> {
    let what = "SQL outside countersign-store; add a verb to the port in countersign-core/src/store.rs";
    let others = rust_outside_the_store(files).filter(|file| !file.is_test());
    find(others, what, |line| SQL.iter().any(|word| line.contains(word)))
}

/// Reports names of back ends outside the store crate and the configuration. Tests may name the one that they use.
pub(super) fn back_ends_are_named_in_two_places(files: &[SourceFile]) -> Vec<Fault> {
    let what = "a back end is named outside countersign-store and config; select it by the URL";
    let others =
        rust_outside_the_store(files).filter(|file| !file.path.starts_with(CONFIG) && !file.is_test());
    find(others, what, |line| {
        let line = line.to_lowercase();
        BACK_ENDS.iter().any(|name| line.contains(name))
    })
}

fn rust_outside_the_store(files: &[SourceFile]) -> impl Iterator<Item = &SourceFile> {
    let is_elsewhere = |path: &str| ![STORE, BENCH, XTASK].iter().any(|folder| path.starts_with(folder));
    files.iter().filter(move |file| file.is_rust() && is_elsewhere(&file.path))
}

fn find<'a>(
    files: impl Iterator<Item = &'a SourceFile>,
    what: &str,
    is_fault: impl Fn(&str) -> bool,
) -> Vec<Fault> {
    let lines = files.flat_map(|file| file.code().map(move |(number, line)| (file, number, line)));
    lines
        .filter(|(_, _, line)| is_fault(line))
        .map(|(file, number, _)| Fault::at_line(&file.path, number, what))
        .collect()
}

/// Whether `word` is in `line` and is not only the end of a longer word.
fn names(line: &str, word: &str) -> bool {
    let mut places = line.match_indices(word);
    places.any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn a_handler_that_uses_the_store_is_reported() {
        let at = |line: &str| sample(&format!("{HANDLERS}a.rs"), line);
        assert_eq!(handlers_do_not_use_the_store(&[at("app.store.ping().await")]).len(), 1);
        assert_eq!(handlers_do_not_use_the_store(&[at("// The flow uses the store.")]).len(), 0);
        assert_eq!(handlers_do_not_use_the_store(&[at("restore.begin()")]).len(), 0);
    }

    #[test]
    fn a_flow_that_names_http_is_reported() {
        let at = |line: &str| sample(&format!("{FLOWS}a.rs"), line);
        assert_eq!(flows_do_not_name_http(&[at("use axum::Json;")]).len(), 1);
        assert_eq!(flows_do_not_name_http(&[at("use crate::http::error;")]).len(), 1);
        assert_eq!(flows_do_not_name_http(&[at("let issuer = \"https://id.example\";")]).len(), 0);
    }

    #[test]
    fn sql_is_allowed_only_in_the_store_and_in_tests() {
        let line = "connection.execute(\"DELETE FROM sessions\")";
        assert_eq!(sql_stays_in_the_store(&[sample("crates/countersign/src/a.rs", line)]).len(), 1);
        assert_eq!(sql_stays_in_the_store(&[sample("crates/countersign-store/src/a.rs", line)]).len(), 0);
        assert_eq!(sql_stays_in_the_store(&[sample("crates/countersign/tests/all/a.rs", line)]).len(), 0);
    }

    #[test]
    fn back_ends_are_allowed_only_in_config_and_tests() {
        let at = |path: &str| back_ends_are_named_in_two_places(&[sample(path, "\"sqlite:a.db\"")]).len();
        assert_eq!(at("crates/countersign/src/cli/serve.rs"), 1);
        assert_eq!(at("crates/countersign/src/config/mod.rs"), 0);
        assert_eq!(at("crates/countersign/tests/all/kill.rs"), 0);
        assert_eq!(at("bench/src/peers/keycloak.rs"), 0);
    }
}
