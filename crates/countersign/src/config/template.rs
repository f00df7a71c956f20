//! Generates the commented configuration file and the reference in Markdown from the schema.

use toml::{Table, Value};

use super::Config;
use super::schema;

/// Returns a `countersign.toml` with every key. Keys in `set` have the given values. All other keys are commented out
/// and have their defaults.
pub fn commented(set: &[(&str, &str)]) -> String {
    let defaults = Table::try_from(Config::default()).expect("the defaults are plain TOML");
    let mut text = String::from(
        "# The configuration of Countersign. Keys that are commented out show their defaults.\n",
    );
    let keys = schema::keys();
    let (top, nested): (Vec<_>, Vec<_>) = keys.iter().partition(|(name, _)| !name.contains('.'));
    let mut section = String::new();
    for (name, key) in top.into_iter().chain(nested) {
        if let Some((table, _)) = name.rsplit_once('.').filter(|(table, _)| *table != section) {
            section = table.to_owned();
            text.push_str(&format!("\n[{section}]\n"));
        }
        let leaf = name.rsplit('.').next().unwrap_or(name);
        text.push_str(&format!("\n# {}\n", key.description.replace('\n', "\n# ")));
        match set.iter().find(|(known, _)| known.trim_end_matches("_file") == name) {
            Some((known, value)) => {
                let leaf = known.rsplit('.').next().unwrap_or(known);
                text.push_str(&format!("{leaf} = {}\n", Value::String((*value).to_owned())));
            }
            None => text.push_str(&format!("# {leaf} = {}\n", default_of(&defaults, name))),
        }
    }
    text
}

/// Returns a Markdown table of every key with its environment variable, default and description.
pub fn reference() -> String {
    let defaults = Table::try_from(Config::default()).expect("the defaults are plain TOML");
    let mut text = String::from("| key | environment | default | meaning |\n|---|---|---|---|\n");
    for (name, key) in schema::keys() {
        let variable = format!("COUNTERSIGN_{}", name.to_uppercase().replace('.', "__"));
        let file = if key.is_secret { " (or `…_FILE`)" } else { "" };
        let default = default_of(&defaults, &name);
        let default =
            if default.is_empty() || default == "\"\"" { "unset".to_owned() } else { format!("`{default}`") };
        text.push_str(&format!(
            "| `{name}` | `{variable}`{file} | {default} | {} |\n",
            key.description.replace('\n', " ")
        ));
    }
    text
}

fn default_of(defaults: &Table, name: &str) -> String {
    let mut found = None;
    let mut table = Some(defaults);
    for part in name.split('.') {
        found = table.and_then(|table| table.get(part));
        table = found.and_then(Value::as_table);
    }
    found.map_or_else(|| "\"\"".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    #[test]
    fn the_commented_file_sets_only_the_given_keys() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("countersign.toml");
        std::fs::write(&file, commented(&[("issuer", "https://id.example.com")])).unwrap();
        let loaded = load(&[file], &std::collections::BTreeMap::new(), Vec::new()).unwrap();
        assert_eq!(loaded.origins.keys().collect::<Vec<_>>(), ["issuer"]);
    }
}
