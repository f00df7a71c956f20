//! The path of a request, if it can be read in one way only.
//!
//! A proxy, this server and the application behind them must read a path in the
//! same way. A path that could be read in two ways is refused: dot segments,
//! empty segments, encoded slashes, anything encoded twice, and characters that
//! Unicode normalisation turns into one of these. Other paths are decoded.

use std::fmt;

use crate::folding::fold;

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

/// A path that can be read in one way only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainPath {
    /// Percent-decoded.
    text: String,
    /// The one form of all spellings that an application may take for it.
    folded: String,
}

/// A path could be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path could be read in more than one way")]
pub struct Ambiguous;

impl PlainPath {
    /// Reads the path of a request, as it was sent. What stands behind a `?` is left out.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`].
    pub fn parse(target: &str) -> Result<Self, Ambiguous> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let is_sound = path.len() <= MAX_PATH
            && path.starts_with('/')
            && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
            && !path.contains(['\\', ';']);
        if !is_sound {
            return Err(Ambiguous);
        }
        let segments = path[1..].split('/');
        let last = segments.clone().count() - 1;
        let (mut text, mut folded) = (String::with_capacity(path.len()), String::with_capacity(path.len()));
        for (place, segment) in segments.enumerate() {
            // The root and a trailing slash end in an empty segment. Elsewhere some servers drop an empty segment.
            if segment.is_empty() && place < last {
                return Err(Ambiguous);
            }
            let segment = decode(segment)?;
            text.push('/');
            text.push_str(&segment);
            folded.push('/');
            folded.push_str(&fold_segment(&segment)?);
        }
        Ok(Self { text, folded })
    }

    /// Percent-decoded, without a slash at the end. The root is empty.
    pub fn trimmed(&self) -> &str {
        self.text.trim_end_matches('/')
    }

    /// Whether a path is this one or under it, when it is spelt in the same way.
    pub(crate) fn covers_exactly(&self, path: &Self) -> bool {
        is_under(&self.text, &path.text)
    }

    /// Whether an application may take a path for this one or for one under it.
    pub(crate) fn covers_any_spelling_of(&self, path: &Self) -> bool {
        is_under(&self.folded, &path.folded)
    }

    /// In segments.
    pub(crate) fn length(&self) -> usize {
        self.trimmed().matches('/').count()
    }
}

impl fmt::Display for PlainPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_under(prefix: &str, path: &str) -> bool {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The folded form of a decoded segment. It must be as plain as the segment itself, because an application may
/// normalise a path before it looks for slashes and dots (U+FF0F becomes `/`, U+2025 becomes `..`).
fn fold_segment(segment: &str) -> Result<String, Ambiguous> {
    let folded = fold(segment);
    let is_sound = |text: &str| text.chars().all(is_plain) && !text.ends_with(['.', ' ']);
    let has_vanished = folded.is_empty() && !segment.is_empty();
    if is_sound(segment) && is_sound(&folded) && !has_vanished { Ok(folded) } else { Err(Ambiguous) }
}

fn is_plain(character: char) -> bool {
    !character.is_control() && !matches!(character, '/' | '\\' | '%' | ';' | '?' | '#')
}

/// Percent-decodes a segment, once.
fn decode(segment: &str) -> Result<String, Ambiguous> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = digit().zip(digit()).ok_or(Ambiguous)?;
                u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte")
            }
            plain => plain,
        };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| Ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::encoded;

    // incident 50
    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        let long = format!("/{}", "a".repeat(4096));
        for target in [
            "",
            "admin",
            "http://a/b",
            "*",
            "//admin",
            "/a//b",
            "/a/../admin",
            "/a/..",
            "/.",
            "/a/./b",
            "/a/%2e%2e/admin",
            "/a/%2E./b",
            "/a%2fadmin",
            "/a%2Fadmin",
            "/a%5cadmin",
            "/a\\admin",
            "/a/..;/admin",
            "/admin;x=1",
            "/admin%3bx",
            "/%252e%252e/admin",
            "/admin%00",
            "/admin%0a",
            "/admin\t",
            "/admin%",
            "/admin%2",
            "/admin%zz",
            "/admin%c0%af",
            "/admin%ff",
            "/admin#x",
            "/admin%23x",
            "/admin%3fx",
            "/admin.",
            "/admin%20",
            "/admin%2e",
            "/b\u{e9}",
            "/a/%2e/b",
            &long,
        ] {
            assert_eq!(PlainPath::parse(target), Err(Ambiguous), "{target:?}");
        }
        for (target, path) in [
            ("/", "/"),
            ("/a/", "/a/"),
            ("/a?x=/../y", "/a"),
            ("/%61dmin", "/admin"),
            ("/b%C3%A9", "/bé"),
            ("/a%20b/file.txt", "/a b/file.txt"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a...b", "/a...b"),
        ] {
            assert_eq!(
                PlainPath::parse(target).map(|path| path.to_string()),
                Ok(path.to_owned()),
                "{target:?}"
            );
        }
    }

    // incident 50
    #[test]
    fn a_path_that_normalisation_makes_ambiguous_is_refused() {
        for path in [
            "/a\u{FF0F}secret",
            "/a\u{FF0F}..\u{FF0F}secret",
            "/public/\u{2025}/secret",
            "/public/\u{2024}\u{2024}/secret",
            "/public/\u{FF0E}./secret",
            "/secret\u{FF0E}",
            "/secret\u{2026}",
            "/a\u{FF3C}secret",
            "/a\u{FE68}secret",
            "/a\u{FF05}2fsecret",
            "/a\u{FE6A}2fsecret",
            "/secret\u{FF1B}x",
            "/secret\u{37E}x",
            "/secret\u{FE54}x",
            "/secret\u{FF1F}x",
            "/secret\u{FE56}x",
            "/secret\u{2047}x",
            "/secret\u{FF03}x",
            "/secret\u{FE5F}x",
            "/\u{2100}",
            "/secret\u{A0}",
            "/secret\u{3000}",
            "/\u{200B}/secret",
            "/\u{AD}/secret",
            "/public/.\u{200B}./secret",
            "/public/..\u{FEFF}/secret",
            "/secret\u{85}",
        ] {
            assert_eq!(PlainPath::parse(&encoded(path)), Err(Ambiguous), "{path:?}");
        }
        for path in [
            "/café",
            "/cafe\u{301}",
            "/новости/статья",
            "/ニュース/東京",
            "/חדשות",
            "/أخبار",
            "/می\u{200C}خواهم",
            "/क\u{94D}\u{200D}ष",
            "/❤\u{FE0F}",
            "/👩\u{200D}💻",
            "/straße",
            "/a…b",
            "/１２：３０",
        ] {
            assert_eq!(PlainPath::parse(&encoded(path)).map(|path| path.to_string()), Ok(path.to_owned()));
        }
    }
}
