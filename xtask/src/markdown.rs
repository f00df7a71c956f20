//! The links of a page, and the anchors that a link can name.
//!
//! Code and comments contain neither. Anchors have the form that Git hosts and mdBook give them.

use std::collections::BTreeMap;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A link or an image.
#[derive(Debug, PartialEq)]
pub(crate) struct Link<'p> {
    /// Its bytes in the page, brackets included. For a link in HTML, the bytes of its address.
    pub(crate) span: Range<usize>,
    /// The text as the page writes it. Empty for a link in HTML.
    pub(crate) text: &'p str,
    /// The address without the title.
    pub(crate) target: String,
}

/// Every link of a page, including images and links in HTML, in the order in which they begin.
pub(crate) fn links(page: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    for (event, span) in events(page) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let text = text_of(&page[span.clone()]);
                links.push(Link { span, text, target: dest_url.into_string() });
            }
            Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_) => {
                let values = html_values(page, span, &["href", "src", "srcset"]);
                let html_link = |span: Range<usize>| {
                    let target = page[span.clone()].to_owned();
                    Link { span, text: "", target }
                };
                links.extend(values.into_iter().map(html_link));
            }
            _ => {}
        }
    }
    links
}

/// The line of a byte in a text, from 1.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

/// Every name that a link can have after `#`: those of headings, and the `id`s in HTML.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut heading: Option<String> = None;
    for (event, span) in events(page) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let before = seen.entry(slug.clone()).or_default();
                anchors.push(if *before == 0 { slug } else { format!("{slug}-{before}") });
                *before += 1;
            }
            Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_) => {
                let ids = html_values(page, span, &["id"]);
                anchors.extend(ids.into_iter().map(|id| page[id].to_owned()));
            }
            _ => {}
        }
    }
    anchors
}

/// The events of the parser, each with its bytes in the page.
fn events(page: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    Parser::new_ext(page, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).into_offset_iter()
}

/// The text of a link or an image, which ends where the address or the name of a definition begins.
fn text_of(link: &str) -> &str {
    let text = link.trim_start_matches('!').trim_start_matches('[');
    let end = text.rfind("](").or_else(|| text.rfind("][")).unwrap_or(text.len());
    text[..end].trim_end_matches(']')
}

/// The anchor of a heading: its words in lower case with hyphens between them, without punctuation.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    });
    kept.collect::<String>().to_lowercase()
}

/// Where the values of some attributes are in a part of a page that is HTML. Comments are skipped.
fn html_values(page: &str, html: Range<usize>, attributes: &[&str]) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let mut at = html.start;
    while let Some(found) = page[at..html.end].find(['<', '"']) {
        at += found;
        let rest = &page[at..html.end];
        let length = if rest.starts_with("<!--") {
            rest.find("-->").unwrap_or(rest.len())
        } else if let Some(value) = rest.strip_prefix('"') {
            let length = value.find('"').map_or(rest.len(), |end| end + 2);
            let name = page[..at].strip_suffix('=').and_then(|before| before.split([' ', '\n']).next_back());
            if name.is_some_and(|name| attributes.contains(&name)) {
                values.push(at + 1..at + length - 1);
            }
            length
        } else {
            1
        };
        at += length;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(page: &str) -> Vec<String> {
        links(page).into_iter().map(|link| link.target).collect()
    }

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let page = "[a](b.md) and ![c](d.svg \"title\"), `[no](no.md)`.\n```sh\n[no](no.md)\n```\n\
                    <!-- [no](no.md) <a href=\"no.md\"> -->\n\n[text `code`\nover lines](e.md#f) ``[no](`no.md)``\n";
        assert_eq!(targets(page), ["b.md", "d.svg", "e.md#f"]);
        assert_eq!(links(page)[2].text, "text `code`\nover lines");
        assert_eq!(&page[links(page)[1].span.clone()], "![c](d.svg \"title\")");
    }

    #[test]
    fn definitions_html_and_images_in_links_are_links() {
        let page = "[a] and [b][a]\n\n[a]: there.md\n";
        assert_eq!(targets(page), ["there.md", "there.md"]);
        assert_eq!(links(page).iter().map(|link| link.text).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(targets("<img\nsrc=\"a.svg\" alt=\"src=\">\n<a href=\"b.md\">b</a>\n"), ["a.svg", "b.md"]);
        assert_eq!(targets("in <a href=\"b.md\">a</a> line\n"), ["b.md"]);
        assert_eq!(targets("[![a](a.svg)](b.md)\n"), ["b.md", "a.svg"]);
        assert_eq!(links("[![a](a.svg)](b.md)\n")[0].text, "![a](a.svg)");
    }

    #[test]
    fn a_backtick_without_a_partner_hides_no_link() {
        assert_eq!(targets("a ` b [c](d.md)\n\nnext ` paragraph\n"), ["d.md"]);
    }

    #[test]
    fn anchors_have_the_form_that_git_hosts_give_them() {
        let page = "# A page\n## `GET /x`: what, and (why)?\n## A page\n```sh\n# no\n```\n## [b c](d.md)\n#no\n\n<a id=\"own\"></a>\n";
        assert_eq!(anchors(page), ["a-page", "get-x-what-and-why", "a-page-1", "b-c", "own"]);
    }
}
