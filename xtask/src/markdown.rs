//! As much of Markdown as links and headings need: where a page points, and where it can be pointed to.
//!
//! Code is no prose: what stands in fences, in backticks or in comments is
//! neither a link nor a heading. Anchors are made as Git hosts and mdBook make them.

use std::collections::BTreeMap;
use std::ops::Range;

/// A link or an image.
#[derive(Debug, PartialEq)]
pub(crate) struct Link<'p> {
    /// Where it stands in the page, brackets and all; of a link in HTML, its address alone.
    pub(crate) span: Range<usize>,
    /// What people read. Empty in HTML and in definitions.
    pub(crate) text: &'p str,
    /// Where it leads, as written.
    pub(crate) target: &'p str,
}

/// Every link of a page, images and HTML among them.
pub(crate) fn links(page: &str) -> Vec<Link<'_>> {
    let prose = blank_code(page);
    let mut links: Vec<Link<'_>> = inline_links(page, &prose).collect();
    links.extend(definitions(page, &prose));
    for attribute in ["href=\"", "src=\"", "srcset=\""] {
        links.extend(html_links(page, &prose, attribute));
    }
    links
}

/// The line of a place in a text, from 1.
pub(crate) fn line_at(text: &str, place: usize) -> usize {
    text[..place].matches('\n').count() + 1
}

/// What `#…` can name in a page.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let prose = blank_fences(page);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose.lines().filter_map(|line| {
        let text = line.trim_start_matches('#');
        let depth = line.len() - text.len();
        ((1..=6).contains(&depth) && text.starts_with(' ')).then(|| slug(text.trim()))
    });
    let mut anchors: Vec<String> = headings
        .map(|slug| {
            let before = seen.entry(slug.clone()).or_default();
            *before += 1;
            if *before == 1 { slug } else { format!("{slug}-{}", *before - 1) }
        })
        .collect();
    let prose = blank_code(page);
    anchors.extend(html_links(page, &prose, "id=\"").map(|named| named.target.to_owned()));
    anchors
}

/// A heading's anchor: its words in lower case with hyphens between, without what is no part of a word.
fn slug(heading: &str) -> String {
    let mut text = heading.to_owned();
    for link in inline_links(heading, heading) {
        text = text.replace(&heading[link.span.clone()], link.text);
    }
    let kept = text.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    });
    kept.collect::<String>().to_lowercase()
}

/// `[text](target)` and `![text](target "title")`.
fn inline_links<'p>(page: &'p str, prose: &str) -> impl Iterator<Item = Link<'p>> {
    prose.match_indices("](").filter_map(|(middle, _)| {
        let begin = opening_bracket(&prose[..middle])?;
        let end = middle + 2 + prose[middle + 2..].find(')')?;
        let target = page[middle + 2..end].split_whitespace().next().unwrap_or_default();
        let is_image = prose[..begin].ends_with('!');
        let span = begin - usize::from(is_image)..end + 1;
        Some(Link { span, text: &page[begin + 1..middle], target })
    })
}

/// Where the bracket was opened that is closed after `before`.
fn opening_bracket(before: &str) -> Option<usize> {
    let mut depth = 0;
    before.char_indices().rev().find_map(|(place, c)| {
        match c {
            ']' => depth += 1,
            '[' if depth == 0 => return Some(place),
            '[' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// `[name]: target` on a line of its own.
fn definitions<'p>(page: &'p str, prose: &str) -> Vec<Link<'p>> {
    let mut found = Vec::new();
    let mut begin = 0;
    for line in prose.split_inclusive('\n') {
        let middle = line.starts_with('[').then(|| line.find("]: ")).flatten();
        if let Some(middle) = middle {
            let target = page[begin + middle + 3..begin + line.len()].trim();
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push(Link { span: begin..begin + line.len(), text: "", target });
        }
        begin += line.len();
    }
    found
}

/// The values of an attribute of HTML.
fn html_links<'p>(page: &'p str, prose: &str, attribute: &str) -> impl Iterator<Item = Link<'p>> {
    prose.match_indices(attribute).filter_map(move |(before, _)| {
        let begin = before + attribute.len();
        let end = begin + prose[begin..].find('"')?;
        Some(Link { span: begin..end, text: "", target: &page[begin..end] })
    })
}

/// The page with spaces instead of its fenced blocks, byte for byte, so that places stay the same.
fn blank_fences(page: &str) -> String {
    let mut prose = String::with_capacity(page.len());
    let mut open = None;
    for line in page.split_inclusive('\n') {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        let is_code = open.is_some() || mark.is_some();
        open = match (open, mark) {
            (None, mark) => mark,
            (Some(begun), Some(mark)) if mark == begun => None,
            (open, _) => open,
        };
        if is_code { blank(line, &mut prose) } else { prose.push_str(line) }
    }
    prose
}

/// The same, and spaces instead of code in backticks and of comments.
fn blank_code(page: &str) -> String {
    let fenceless = blank_fences(page);
    let mut prose = String::with_capacity(page.len());
    let mut rest = fenceless.as_str();
    while let Some(begin) = [rest.find('`'), rest.find("<!--")].into_iter().flatten().min() {
        prose.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let ticks: String = rest.chars().take_while(|c| *c == '`').collect();
        let end = match ticks.as_str() {
            "" => rest.find("-->").map(|end| end + 3),
            ticks => end_of_code(&rest[ticks.len()..], ticks).map(|end| end + ticks.len()),
        };
        // What is not closed is no code: the backticks are just that.
        let end = end.unwrap_or(ticks.len().max(1));
        blank(&rest[..end], &mut prose);
        rest = &rest[end..];
    }
    prose + rest
}

/// Where code that was begun with these backticks ends: at as many, no more and no fewer, in the same paragraph.
fn end_of_code(text: &str, ticks: &str) -> Option<usize> {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let mut begin = 0;
    while let Some(found) = paragraph[begin..].find('`') {
        let run = paragraph[begin + found..].chars().take_while(|c| *c == '`').count();
        if run == ticks.len() {
            return Some(begin + found + run);
        }
        begin += found + run;
    }
    None
}

fn blank(text: &str, into: &mut String) {
    into.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(page: &str) -> Vec<&str> {
        links(page).into_iter().map(|link| link.target).collect()
    }

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let page = "[a](b.md) and ![c](d.svg \"title\"), `[no](no.md)`.\n```sh\n[no](no.md)\n```\n\
                    <!-- [no](no.md) -->\n[text `code`\nover lines](e.md#f) ``[no](`no.md)``\n";
        assert_eq!(targets(page), ["b.md", "d.svg", "e.md#f"]);
        assert_eq!(links(page)[2].text, "text `code`\nover lines");
        assert_eq!(&page[links(page)[1].span.clone()], "![c](d.svg \"title\")");
    }

    #[test]
    fn definitions_html_and_images_in_links_are_links() {
        assert_eq!(targets("[name]: there.md\n"), ["there.md"]);
        assert_eq!(targets("<img src=\"a.svg\">\n<a href=\"b.md\">b</a>\n"), ["b.md", "a.svg"]);
        assert_eq!(targets("[![a](a.svg)](b.md)\n"), ["a.svg", "b.md"]);
    }

    #[test]
    fn a_lone_backtick_hides_nothing() {
        assert_eq!(targets("a ` b [c](d.md)\n\nnext ` paragraph\n"), ["d.md"]);
    }

    #[test]
    fn anchors_are_made_as_readers_meet_them() {
        let page = "# A page\n## `GET /x`: what, and (why)?\n## A page\n```sh\n# no\n```\n## [b c](d.md)\n#no\n<a id=\"own\"></a>\n";
        assert_eq!(anchors(page), ["a-page", "get-x-what-and-why", "a-page-1", "b-c", "own"]);
    }
}
