//! The circles of a graph of modules.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// A module that names something in another module with the same parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// The path of the parent, from the root of the crate; empty for the root itself.
    pub(super) parent: Vec<String>,
    pub(super) from: String,
    pub(super) to: String,
    /// The file and line of the code.
    pub(super) place: String,
}

/// A circle: each module uses the next one, and the last uses the first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Circle {
    parent: Vec<String>,
    /// Each module, and where it uses the next one.
    steps: Vec<(String, String)>,
}

/// For one parent: which of its children uses which, and the first place where it does.
type Uses<'e> = BTreeMap<&'e str, BTreeMap<&'e str, &'e str>>;

/// For each edge that is part of a circle, a shortest circle that contains it. Each circle is returned once.
///
/// So every strongly connected component of more than one module yields at least one circle.
pub(super) fn circles(edges: &[Edge]) -> BTreeSet<Circle> {
    let mut levels: BTreeMap<&[String], Uses<'_>> = BTreeMap::new();
    for edge in edges {
        let uses = levels.entry(&edge.parent).or_default().entry(&edge.from).or_default();
        uses.entry(&edge.to).or_insert(&edge.place);
    }
    let mut found = BTreeSet::new();
    for (parent, uses) in &levels {
        for (from, targets) in uses {
            let backs = targets.keys().filter_map(|to| shortest_path(uses, to, from));
            found.extend(backs.map(|back| Circle::new(parent, &back, uses)));
        }
    }
    found
}

/// The modules from `start` to `end`, both included.
fn shortest_path<'e>(uses: &Uses<'e>, start: &'e str, end: &'e str) -> Option<Vec<&'e str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(module) = waiting.pop_front() {
        if module == end {
            let mut path = vec![end];
            while path.last() != Some(&start) {
                path.push(came_from[path[path.len() - 1]]);
            }
            path.reverse();
            return Some(path);
        }
        for next in uses.get(module).into_iter().flat_map(BTreeMap::keys) {
            if *next != start && !came_from.contains_key(next) {
                came_from.insert(next, module);
                waiting.push_back(next);
            }
        }
    }
    None
}

impl Circle {
    /// Begins with the module whose name comes first, so that equal circles compare as equal.
    fn new(parent: &[String], modules: &[&str], uses: &Uses<'_>) -> Self {
        let first = (0..modules.len()).min_by_key(|index| modules[*index]).unwrap_or_default();
        let in_order = || modules.iter().cycle().skip(first);
        let steps = in_order().zip(in_order().skip(1)).take(modules.len());
        let steps = steps.map(|(from, to)| ((*from).to_owned(), uses[from][to].to_owned()));
        Self { parent: parent.to_vec(), steps: steps.collect() }
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.parent.is_empty() {
            write!(out, "in {}, ", self.parent.join("::"))?;
        }
        let next = self.steps.iter().cycle().skip(1);
        for (index, ((module, place), (next, _))) in self.steps.iter().zip(next).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(out, "{separator}{module} uses {next} ({place})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: &[(&str, &str)]) -> Vec<String> {
        let edges: Vec<_> = edges
            .iter()
            .map(|(from, to)| Edge {
                parent: vec!["http".to_owned()],
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                place: format!("{from}.rs:1"),
            })
            .collect();
        circles(&edges).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_graph_without_circles_has_none() {
        assert_eq!(found(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]), Vec::<String>::new());
    }

    #[test]
    fn each_circle_is_found_once_at_its_shortest() {
        let edges = [("c", "a"), ("a", "b"), ("b", "c"), ("d", "a"), ("c", "b")];
        assert_eq!(
            found(&edges),
            [
                "in http, a uses b (a.rs:1), b uses c (b.rs:1), c uses a (c.rs:1)",
                "in http, b uses c (b.rs:1), c uses b (c.rs:1)",
            ]
        );
    }

    #[test]
    fn modules_at_different_levels_form_no_circle() {
        let edge = |parent: &[&str], from: &str, to: &str| Edge {
            parent: parent.iter().map(|part| (*part).to_owned()).collect(),
            from: from.to_owned(),
            to: to.to_owned(),
            place: String::new(),
        };
        assert!(circles(&[edge(&["x"], "a", "b"), edge(&["y"], "b", "a")]).is_empty());
    }
}
