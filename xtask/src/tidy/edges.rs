//! Which crate may depend on which, as ARCHITECTURE.md draws it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Fault;
use crate::process;

/// Each crate of the workspace and the crates of the workspace that it may use.
const EDGES: [(&str, &[&str]); 8] = [
    ("countersign", &["countersign-core", "countersign-store", "countersign-token"]),
    (
        "countersign-bench",
        &["countersign", "countersign-core", "countersign-store", "countersign-token", "countersign-verify"],
    ),
    ("countersign-core", &["countersign-token"]),
    ("countersign-example-api", &["countersign-verify"]),
    ("countersign-store", &["countersign-core", "countersign-token"]),
    ("countersign-token", &[]),
    ("countersign-verify", &["countersign-token"]),
    ("xtask", &[]),
];

/// Crates that must not be below a crate, at any depth.
const KEPT_OUT: [(&str, &[&str]); 4] = [
    ("countersign-core", &["tokio", "axum", "hyper", "http", "tower", "reqwest", "rusqlite", "tracing"]),
    (
        "countersign-token",
        &["tokio", "axum", "hyper", "http", "tower", "reqwest", "rusqlite", "rand", "tracing"],
    ),
    ("countersign-verify", &["axum-server", "rusqlite", "argon2"]),
    ("countersign-store", &["axum", "hyper", "http", "tower", "reqwest"]),
];

/// What `cargo metadata` says of the workspace and all that it depends on.
pub(crate) fn metadata() -> Result<Value> {
    let text = process::capture(&mut process::cargo(&["metadata", "--format-version=1", "--locked"]))?;
    serde_json::from_str(&text).context("cargo metadata did not write JSON")
}

/// Reports edges between crates of the workspace that are not drawn, tests included.
pub(super) fn crates_depend_as_drawn(metadata: &Value) -> Vec<Fault> {
    let members: BTreeMap<&str, BTreeSet<&str>> = members(metadata)
        .map(|package| {
            let needs = array(&package["dependencies"]).filter(|needed| !needed["path"].is_null());
            (text(&package["name"]), needs.map(|needed| text(&needed["name"])).collect())
        })
        .collect();
    let mut faults = Vec::new();
    for (name, needs) in &members {
        let Some((_, drawn)) = EDGES.iter().find(|(known, _)| known == name) else {
            faults.push(fault(
                name,
                "is not drawn in ARCHITECTURE.md; draw it there and in xtask/src/tidy/edges.rs",
            ));
            continue;
        };
        for needed in needs.iter().filter(|needed| !drawn.contains(needed)) {
            faults.push(fault(
                name,
                &format!("must not depend on {needed}; move what it needs to a crate below both"),
            ));
        }
    }
    faults
}

/// Reports crates that are below a crate which must do without them.
pub(super) fn crates_keep_out_what_they_must(metadata: &Value) -> Vec<Fault> {
    let graph = Graph::of(metadata);
    let mut faults = Vec::new();
    for (name, kept_out) in KEPT_OUT {
        let below = graph.below(name);
        for found in kept_out.iter().filter(|found| below.contains(*found)) {
            faults.push(fault(
                name,
                &format!("has {found} below it; that belongs into another crate (`cargo tree -p {name} -e normal -i {found}` shows how it got in)"),
            ));
        }
    }
    faults
}

/// What is compiled into what: normal dependencies, by the names of packages.
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

    /// The names of all crates below one of the workspace.
    fn below(&self, name: &str) -> BTreeSet<&'a str> {
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
    fn an_edge_that_is_not_drawn_is_reported() {
        let faults = crates_depend_as_drawn(&metadata());
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, "crate countersign-token");
    }

    #[test]
    fn a_runtime_is_found_at_any_depth_and_tests_may_have_what_they_like() {
        let faults = crates_keep_out_what_they_must(&metadata());
        assert_eq!(faults.len(), 1);
        assert!(faults[0].what.starts_with("has tokio below it"));
    }
}
