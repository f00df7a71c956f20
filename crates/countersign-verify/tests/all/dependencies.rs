//! The numbers of crates in README.md are correct for each set of features.

use std::collections::BTreeSet;
use std::process::Command;

const READ_ME: &str = include_str!("../../README.md");

/// The features and the number of crates in each row of the table of features.
fn rows() -> impl Iterator<Item = (String, usize)> {
    READ_ME.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let features = cells.next()?.trim_matches('`').replace("none", "");
        Some((features, cells.next()?.parse().ok()?))
    })
}

fn crates_with(features: &str) -> usize {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--locked",
        "--package",
        "countersign-verify",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    cargo.args(["--features", features]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names = tree.lines().map(|line| line.split(" (").next().unwrap_or(line));
    names.filter(|name| !name.starts_with("countersign-")).collect::<BTreeSet<_>>().len()
}

#[test]
fn the_numbers_of_crates_in_the_readme_are_correct() {
    let stated: Vec<_> = rows().collect();
    assert_eq!(stated.len(), 6);
    for (features, crates) in stated {
        assert_eq!(crates_with(&features), crates, "with the features {features:?}");
    }
}
