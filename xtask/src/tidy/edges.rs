//! The allowed dependencies between crates, which ARCHITECTURE.md shows.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Fault;
use crate::process;

/// Each crate of the workspace, and the crates of the workspace that it may depend on.
const EDGES: [(&str, &[&str]); 9] = [
    ("countersign", &["countersign-core", "countersign-load", "countersign-store", "countersign-token"]),
    (
        "countersign-bench",
        &[
            "countersign",
            "countersign-core",
            "countersign-load",
            "countersign-store",
            "countersign-token",
            "countersign-verify",
        ],
    ),
    ("countersign-core", &["countersign-token"]),
    ("countersign-example-api", &["countersign-verify"]),
    ("countersign-load", &["countersign-token"]),
    ("countersign-store", &["countersign-core", "countersign-token"]),
    ("countersign-token", &[]),
    ("countersign-verify", &["countersign-token"]),
    ("xtask", &[]),
];

/// For each crate, the crates that it must not depend on, directly or indirectly.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    ("countersign-core", &["tokio", "axum", "hyper", "http", "tower", "reqwest", "rusqlite", "tracing"]),
    (
        "countersign-token",
        &["tokio", "axum", "hyper", "http", "tower", "reqwest", "rusqlite", "rand", "tracing"],
    ),
    ("countersign-verify", &["axum-server", "rusqlite", "argon2"]),
    ("countersign-store", &["axum", "hyper", "http", "tower", "reqwest"]),
];

/// The metadata that Cargo has of the workspace and of all its dependencies.
pub(crate) fn metadata() -> Result<Value> {
    let text = process::capture(&mut process::cargo(&["metadata", "--format-version=1", "--locked"]))?;
    serde_json::from_str(&text).context("`cargo metadata` wrote invalid JSON")
}

/// Reports dependencies between crates of the workspace that are not allowed, including those of tests.
pub(super) fn crates_depend_as_documented(metadata: &Value) -> Vec<Fault> {
    let members: BTreeMap<&str, BTreeSet<&str>> = members(metadata)
        .map(|package| {
            let needs = array(&package["dependencies"]).filter(|needed| !needed["path"].is_null());
            (text(&package["name"]), needs.map(|needed| text(&needed["name"])).collect())
        })
        .collect();
    let mut faults = Vec::new();
    for (name, needs) in &members {
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| known == name) else {
            faults.push(fault(
                name,
                "is missing in ARCHITECTURE.md; add it there and in xtask/src/tidy/edges.rs",
            ));
            continue;
        };
        for needed in needs.iter().filter(|needed| !allowed.contains(needed)) {
            faults.push(fault(
                name,
                &format!("must not depend on {needed}; move the shared code to a crate that both depend on"),
            ));
        }
    }
    faults
}

/// Reports forbidden direct and indirect dependencies.
pub(super) fn crates_avoid_forbidden_dependencies(metadata: &Value) -> Vec<Fault> {
    let graph = Graph::of(metadata);
    let mut faults = Vec::new();
    for (name, forbidden) in FORBIDDEN {
        let dependencies = graph.dependencies(name);
        for found in forbidden.iter().filter(|found| dependencies.contains(*found)) {
            faults.push(fault(
                name,
                &format!("depends on {found}; move the code that needs it to another crate (`cargo tree -p {name} -e normal -i {found}` shows the path)"),
            ));
        }
    }
    faults
}

/// The normal dependencies of all packages, by their ids.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    needs: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Value) -> Self {
        let names =
            array(&metadata["packages"]).map(|package| (text(&package["id"]), text(&package["name"])));
        let is_normal = |needed: &&Value| array(&needed["dep_kinds"]).any(|kind| kind["kind"].is_null());
        let needs = array(&metadata["resolve"]["nodes"]).map(|node| {
            let needs = array(&node["deps"]).filter(is_normal).map(|needed| text(&needed["pkg"]));
            (text(&node["id"]), needs.collect())
        });
        Self { names: names.collect(), needs: needs.collect() }
    }

    /// The names of all direct and indirect dependencies of a crate.
    fn dependencies(&self, name: &str) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<&str> =
            self.names.iter().filter(|(_, known)| **known == name).map(|(id, _)| *id).collect();
        while let Some(id) = waiting.pop() {
            let needs = self.needs.get(id).map_or(&[][..], Vec::as_slice);
            waiting.extend(needs.iter().copied().filter(|needed| seen.insert(*needed)));
        }
        seen.into_iter().filter_map(|id| self.names.get(id).copied()).collect()
    }
}

fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let ids: BTreeSet<&str> = array(&metadata["workspace_members"]).map(text).collect();
    array(&metadata["packages"]).filter(move |package| ids.contains(text(&package["id"])))
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fault(name: &str, what: &str) -> Fault {
    Fault::in_file(&format!("crate {name}"), what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata() -> Value {
        json!({
            "workspace_members": ["t", "v"],
            "packages": [
                {"id": "t", "name": "countersign-token", "dependencies": [{"name": "countersign-core", "path": "/c"}]},
                {"id": "v", "name": "countersign-verify", "dependencies": [{"name": "countersign-token", "path": "/t"}]},
                {"id": "a", "name": "bytes", "dependencies": []},
                {"id": "b", "name": "tokio", "dependencies": []},
                {"id": "d", "name": "rand", "dependencies": []},
            ],
            "resolve": {"nodes": [
                {"id": "t", "deps": [
                    {"pkg": "a", "dep_kinds": [{"kind": null}]},
                    {"pkg": "d", "dep_kinds": [{"kind": "dev"}]},
                ]},
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}]},
            ]},
        })
    }

    #[test]
    fn a_dependency_that_is_not_allowed_is_reported() {
        let faults = crates_depend_as_documented(&metadata());
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, "crate countersign-token");
    }

    #[test]
    fn a_forbidden_crate_is_found_at_any_depth_except_in_tests() {
        let faults = crates_avoid_forbidden_dependencies(&metadata());
        assert_eq!(faults.len(), 1);
        assert!(faults[0].what.starts_with("depends on tokio"));
    }
}
