//! Every link to a page or file in the repository has a target: an existing file, and an existing heading in it.
//!
//! The rule does not follow links to web sites, because a check must not depend on them.

use std::collections::BTreeMap;

use super::Fault;
use crate::markdown;
use crate::sources::{SourceFile, resolve};

const SUMMARY: &str = "docs/SUMMARY.md";

/// Reports links whose target does not exist.
pub(super) fn links_have_targets(files: &[SourceFile]) -> Vec<Fault> {
    let pages: BTreeMap<&str, &SourceFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut faults = Vec::new();
    for page in files.iter().filter(|file| file.is_page()) {
        for link in markdown::links(&page.text) {
            if let Some(what) = fault_of(page, &link.target, &pages) {
                let line = markdown::line_at(&page.text, link.span.start);
                faults.push(Fault::at_line(&page.path, line, what));
            }
        }
    }
    faults
}

/// Reports pages in docs/ that are missing in the book.
pub(super) fn the_book_has_every_page(files: &[SourceFile]) -> Vec<Fault> {
    let Some(summary) = files.iter().find(|file| file.path == SUMMARY) else {
        return vec![Fault::in_file(SUMMARY, "is missing; it lists the pages of the book in their order")];
    };
    let listed: Vec<_> =
        markdown::links(&summary.text).iter().filter_map(|link| resolve(SUMMARY, &link.target)).collect();
    let is_missing = |page: &&SourceFile| {
        page.path.starts_with("docs/") && page.path != SUMMARY && !listed.contains(&page.path)
    };
    let missing = files.iter().filter(|file| file.is_page()).filter(is_missing);
    missing
        .map(|page| Fault::in_file(&page.path, format!("is missing in the book; add it to {SUMMARY}")))
        .collect()
}

fn fault_of(page: &SourceFile, target: &str, pages: &BTreeMap<&str, &SourceFile>) -> Option<String> {
    if is_elsewhere(target) {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = match file {
        "" => page.path.clone(),
        file => match resolve(&page.path, file) {
            Some(path) => path,
            None => return Some(format!("links to {file}, which is outside the repository")),
        },
    };
    let Some(anchor) = anchor else {
        let folder = format!("{path}/");
        let is_there =
            pages.contains_key(path.as_str()) || pages.keys().any(|known| known.starts_with(&folder));
        return (!is_there).then(|| format!("links to {path}, which does not exist"));
    };
    match pages.get(path.as_str()) {
        None => Some(format!("links to {path}, which does not exist")),
        Some(found) if markdown::anchors(&found.text).iter().any(|known| known == anchor) => None,
        Some(_) => Some(format!("links to the heading #{anchor}, which does not exist in {path}")),
    }
}

/// Whether the address has a scheme, such as `https:`.
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn a_link_without_a_target_is_reported() {
        let page = "# A\n[ok](b.md#two) [ok](#a) [ok](../crates/x) [ok](https://example.com/a)\n[no](c.md)\n\n\
                    [no](b.md#three)\n[no](#b) ![no](d.svg)\n[no](../../etc)\n";
        let files = [
            sample("docs/a.md", page),
            sample("docs/b.md", "# One\n## Two\n"),
            sample("crates/x/src/lib.rs", "[no](no.md)"),
        ];
        let places: Vec<_> = links_have_targets(&files).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["docs/a.md:3", "docs/a.md:5", "docs/a.md:6", "docs/a.md:6", "docs/a.md:7"]);
    }

    #[test]
    fn a_page_that_is_missing_in_the_book_is_reported() {
        let files = [
            sample(SUMMARY, "- [A](a.md)\n- [C](sub/c.md)\n"),
            sample("docs/a.md", ""),
            sample("docs/b.md", ""),
            sample("docs/sub/c.md", ""),
            sample("README.md", ""),
        ];
        let places: Vec<_> = the_book_has_every_page(&files).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["docs/b.md"]);
    }
}
