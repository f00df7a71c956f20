//! Every dependency of the workspace has a comment with its reason.

use super::Fault;
use crate::sources::SourceFile;

/// The heading of the group whose dependencies need no reason of their own.
const TESTS: &str = "# Tests only.";

/// Reports dependencies of the root manifest without a comment directly above them.
///
/// The workspace's own crates need no reason, and the dependencies of tests share one.
pub(super) fn dependencies_have_reasons(files: &[SourceFile]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.path == "Cargo.toml") {
        let (mut in_section, mut in_tests, mut above) = (false, false, "");
        for (number, line) in file.lines() {
            if line.starts_with('[') {
                in_section = line == "[workspace.dependencies]";
            }
            in_tests = line == TESTS || (in_tests && !line.is_empty());
            let is_dependency = line.starts_with(|c: char| c.is_ascii_alphanumeric());
            let needs_reason = is_dependency && !line.contains("path = ") && !in_tests;
            if in_section && needs_reason && !above.starts_with('#') {
                let what = "has no reason; add a comment directly above that says why the crate is needed";
                faults.push(Fault::at_line(&file.path, number, what));
            }
            above = line;
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn a_dependency_without_a_reason_is_reported() {
        let text = "[workspace.dependencies]\nours = { path = \"ours\" }\n\n# Because.\na = \"1\"\nb = \"1\"\n\n# Tests only.\nc = \"1\"\nd = \"1\"\n\ne = \"1\"\n[profile.release]\nf = 1\n";
        let places: Vec<_> = dependencies_have_reasons(&[sample("Cargo.toml", text)])
            .into_iter()
            .map(|fault| fault.place)
            .collect();
        assert_eq!(places, ["Cargo.toml:6", "Cargo.toml:12"]);
    }
}
