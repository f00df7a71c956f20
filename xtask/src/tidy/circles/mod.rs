//! Modules must not use each other in a circle.
//!
//! At each level, the nodes are the direct child modules of one module. Code inside one child
//! that names something inside another child is an edge. Code that names an ancestor or a
//! descendant of its own module is not an edge. Test code does not count. `source` reads the
//! modules, `graph` finds the circles.

mod graph;
mod source;

use super::Fault;
use crate::sources::SourceFile;

/// Reports each circle between modules, with one file and line for each of its edges.
pub(super) fn modules_have_no_circles(files: &[SourceFile]) -> Vec<Fault> {
    let roots = files.iter().filter(|file| {
        ["/src/lib.rs", "/src/main.rs"].iter().any(|root| file.path.ends_with(root)) && !file.is_test()
    });
    roots.flat_map(|root| circles_of(root, files)).collect()
}

fn circles_of(root: &SourceFile, files: &[SourceFile]) -> Vec<Fault> {
    let tree = match source::Tree::read(root, files) {
        Ok(tree) => tree,
        Err(error) => return vec![Fault::in_file(&root.path, format!("cannot be checked: {error:#}"))],
    };
    graph::circles(&tree.edges())
        .into_iter()
        .map(|circle| {
            let what =
                format!("modules form a circle: {circle}; move the shared code to a module below them");
            Fault::in_file(&root.path, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| sample(&format!("crates/a/src/{path}"), text)).collect();
        modules_have_no_circles(&files).into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn modules_that_use_each_other_are_reported_with_the_line_of_each_edge() {
        let found = faults(&[
            ("lib.rs", "mod one;\nmod two;\nmod three;"),
            ("one.rs", "use crate::two::Two;\n"),
            ("two/mod.rs", "mod deep;\n"),
            ("two/deep.rs", "\nfn f() { crate::three::f(); }\n"),
            ("three.rs", "use super::one;\n"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        for place in ["src/one.rs:1", "src/two/deep.rs:2", "src/three.rs:1"] {
            assert!(found[0].contains(place), "{found:?}");
        }
    }

    #[test]
    fn ancestors_descendants_and_tests_are_not_edges() {
        let found = faults(&[
            ("lib.rs", "mod one;\nmod two;\npub struct Root;\nuse one::One;"),
            ("one.rs", "use super::Root;\nmod deep { use super::super::one::One; }\npub struct One;"),
            (
                "two.rs",
                "use crate::one::One;\n#[cfg(test)]\nmod tests {}\nfn f() { deep::g() }\nmod deep { pub fn g() {} }",
            ),
            ("three.rs", "use crate::nothing;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
        let found = faults(&[
            ("lib.rs", "mod one;\nmod two;"),
            ("one.rs", "#[cfg(test)]\nmod tests { use crate::two; }\n#[cfg(test)]\nuse crate::two;"),
            ("two.rs", "use crate::one;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_circle_through_a_re_export_a_macro_or_an_alias_is_found() {
        let lib = "mod one;\nmod two;\npub use one::One;\npub use self::two::Two as Other;";
        let one = "pub struct One(super::Other);";
        for two in [
            "use crate::One;",
            "fn f() { println!(\"{}\", crate::one::f()); }",
            "use crate as root;\nfn f() { root::one::f(); }",
            "mod deep { fn f(one: &super::super::One) {} }",
        ] {
            let found = faults(&[("lib.rs", lib), ("one.rs", one), ("two.rs", two)]);
            assert_eq!(found.len(), 1, "{two}");
        }
    }
}
