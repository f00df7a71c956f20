//! The names in a JavaScript or TypeScript file: its identifiers, and the titles of its tests.

/// Functions of `node:test` whose first argument is a title.
const TITLED: [&str; 4] = ["test", "it", "describe", "suite"];

/// Keywords after which a slash begins a regular expression.
const BEFORE_EXPRESSION: [&str; 4] = ["return", "typeof", "case", "await"];

/// Each name with its line, from 1.
///
/// The scanner skips comments, regular expressions and strings that are not titles. It ends a template literal
/// at the next backtick, so it may read the text of a nested one as code.
pub(super) fn names(source: &str) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(c) = source[at..].chars().next() {
        let (before, rest) = (source[..at].trim_end(), &source[at..]);
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '/' if !ends_a_value(before) => literal(rest, c),
            '"' | '\'' | '`' => literal(rest, c),
            c if is_part_of_name(c) => rest.find(|c| !is_part_of_name(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let is_name = is_part_of_name(c) || (matches!(c, '"' | '\'' | '`') && is_before_title(before));
        if is_name {
            names.push((rest[..length].trim_matches(['"', '\'', '`']).to_owned(), line));
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    names
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The length of a string, template literal or regular expression, with both of its marks.
fn literal(text: &str, mark: char) -> usize {
    let (mut is_escaped, mut in_class) = (true, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            // Only a template literal may have several lines.
            '\n' if mark != '`' => return at,
            '[' if mark == '/' => in_class = true,
            ']' if mark == '/' => in_class = false,
            c if c == mark && !in_class => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Whether a slash after this code divides. Otherwise it begins a regular expression.
fn ends_a_value(before: &str) -> bool {
    let ends_well = before.ends_with(|c| is_part_of_name(c) || matches!(c, ')' | ']' | '}'));
    ends_well && !BEFORE_EXPRESSION.contains(&last_name(before))
}

fn is_before_title(before: &str) -> bool {
    before.strip_suffix('(').is_some_and(|before| TITLED.contains(&last_name(before)))
}

fn last_name(before: &str) -> &str {
    &before[before.trim_end_matches(is_part_of_name).len()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        names(source).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn comments_strings_and_regular_expressions_are_skipped() {
        assert_eq!(found("a; // b\n/* c\n d */ e"), ["a", "e"]);
        assert_eq!(found("a('b\\'c', \"d\", `e\n${f}`, g)"), ["a", "g"]);
        assert_eq!(found("a(/[/'\"]b/, c) / d / e"), ["a", "c", "d", "e"]);
    }

    #[test]
    fn identifiers_and_titles_have_their_lines() {
        let source = "const $a = 1;\ntest(\n  \"a title\",\n  () => log(\"text\"),\n);\n";
        let named = |name: &str| names(source).into_iter().find(|(found, _)| found == name);
        assert_eq!(named("$a").map(|(_, line)| line), Some(1));
        assert_eq!(named("a title").map(|(_, line)| line), Some(3));
        assert_eq!(named("text"), None);
    }
}
