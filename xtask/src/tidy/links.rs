//! Every link between pages leads somewhere: to a file that is there, and to a heading that it has.
//!
//! Links into the network are not followed: a check must not depend on other people's sites.

use std::collections::BTreeMap;

use super::Fault;
use crate::markdown;
use crate::sources::{SourceFile, resolve};

const SUMMARY: &str = "docs/SUMMARY.md";

/// Reports links that lead nowhere.
pub(super) fn links_lead_somewhere(files: &[SourceFile]) -> Vec<Fault> {
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

/// Reports pages in docs/ that the book leaves out.
pub(super) fn the_book_is_whole(files: &[SourceFile]) -> Vec<Fault> {
    let Some(summary) = files.iter().find(|file| file.path == SUMMARY) else {
        return vec![Fault::in_file(SUMMARY, "is missing; it says which pages the book has, in which order")];
    };
    let listed: Vec<_> =
        markdown::links(&summary.text).iter().filter_map(|link| resolve(SUMMARY, &link.target)).collect();
    let is_left_out = |page: &&SourceFile| {
        page.path.starts_with("docs/") && page.path != SUMMARY && !listed.contains(&page.path)
    };
    let left_out = files.iter().filter(|file| file.is_page()).filter(is_left_out);
    left_out
        .map(|page| Fault::in_file(&page.path, format!("is in no place of the book; name it in {SUMMARY}")))
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
            None => return Some(format!("leads out of the repository, to {file}")),
        },
    };
    let Some(anchor) = anchor else {
        let folder = format!("{path}/");
        let is_there =
            pages.contains_key(path.as_str()) || pages.keys().any(|known| known.starts_with(&folder));
        return (!is_there).then(|| format!("leads to {path}, which is not there"));
    };
    match pages.get(path.as_str()) {
        None => Some(format!("leads to {path}, which is not there")),
        Some(found) if markdown::anchors(&found.text).iter().any(|known| known == anchor) => None,
        Some(_) => Some(format!("leads to the heading #{anchor}, which {path} does not have")),
    }
}

/// Whether an address has a scheme.
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn a_link_that_leads_nowhere_is_reported() {
        let page = "# A\n[ok](b.md#two) [ok](#a) [ok](../crates/x) [ok](https://example.com/a)\n[no](c.md)\n\n\
                    [no](b.md#three)\n[no](#b) ![no](d.svg)\n[no](../../etc)\n";
        let files = [
            sample("docs/a.md", page),
            sample("docs/b.md", "# One\n## Two\n"),
            sample("crates/x/src/lib.rs", "[no](no.md)"),
        ];
        let places: Vec<_> = links_lead_somewhere(&files).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["docs/a.md:3", "docs/a.md:5", "docs/a.md:6", "docs/a.md:6", "docs/a.md:7"]);
    }

    #[test]
    fn a_page_that_the_book_leaves_out_is_reported() {
        let files = [
            sample(SUMMARY, "- [A](a.md)\n- [C](sub/c.md)\n"),
            sample("docs/a.md", ""),
            sample("docs/b.md", ""),
            sample("docs/sub/c.md", ""),
            sample("README.md", ""),
        ];
        let places: Vec<_> = the_book_is_whole(&files).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["docs/b.md"]);
    }
}
