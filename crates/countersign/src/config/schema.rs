//! The JSON Schema of the configuration, and the list of its keys.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Config;

/// A key in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kind: Kind,
    /// Whether the value must never be shown.
    pub(super) is_secret: bool,
    pub(super) description: String,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    List,
}

/// The JSON Schema (2020-12) of the configuration.
pub fn json_schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

/// Returns all keys, by dotted name.
pub(super) fn keys() -> BTreeMap<String, Key> {
    let schema = json_schema();
    let mut keys = BTreeMap::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

fn collect(root: &Value, table: &Value, prefix: &str, keys: &mut BTreeMap<String, Key>) {
    let properties = table.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let dotted = format!("{prefix}{name}");
        let target = resolve(root, property);
        if target.get("properties").is_some() {
            collect(root, target, &format!("{dotted}."), keys);
        } else {
            let described =
                [property, target].into_iter().find_map(|schema| schema.get("description")?.as_str());
            let is_secret = property.get("x-secret").is_some();
            let description = described.unwrap_or_default().to_owned();
            keys.insert(dotted, Key { kind: kind(target), is_secret, description });
        }
    }
}

/// Follows a `$ref`, including one in an `anyOf` of a type and `null`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    let schema =
        alternatives.and_then(|any| any.iter().find(|one| one.get("$ref").is_some())).unwrap_or(schema);
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    reference.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

fn kind(schema: &Value) -> Kind {
    let names = |name: &str| {
        let is_name = |value: &Value| value.as_str() == Some(name);
        schema
            .get("type")
            .is_some_and(|kind| is_name(kind) || kind.as_array().is_some_and(|any| any.iter().any(is_name)))
    };
    if names("integer") {
        Kind::Integer
    } else if names("boolean") {
        Kind::Boolean
    } else if names("array") {
        Kind::List
    } else {
        Kind::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_description_and_a_kind() {
        let keys = keys();
        for (name, key) in &keys {
            assert!(!key.description.is_empty(), "{name}");
        }
        assert_eq!(keys["access_token.jitter"].kind, Kind::Integer);
        assert_eq!(keys["registration.enabled"].kind, Kind::Boolean);
        assert_eq!(keys["trusted_proxies"].kind, Kind::List);
        assert_eq!(keys["refresh_token.grace"].kind, Kind::Text);
        assert_eq!(keys["legacy.accept_until"].kind, Kind::Text);
    }

    // G1
    #[test]
    fn every_secret_is_marked() {
        let secrets: Vec<_> =
            keys().into_iter().filter(|(_, key)| key.is_secret).map(|(name, _)| name).collect();
        assert_eq!(
            secrets,
            [
                "access_token.secret",
                "legacy.access_secret",
                "legacy.refresh_secret",
                "master_key",
                "store.url"
            ]
        );
    }
}
