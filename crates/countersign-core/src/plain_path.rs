//! Unambiguous paths of requests.
//!
//! A proxy, this server and the application behind them must read a path in the
//! same way. A path that programs could read in different ways is rejected: one
//! with dot segments, empty segments, encoded slashes, double encoding, or
//! characters that Unicode normalisation turns into any of these.

use std::fmt;

use crate::folding::fold;

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

/// A path that all programs read in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainPath {
    /// The decoded path.
    text: String,
    /// The form that all spellings of the path have in common: see [`fold`].
    folded: String,
}

/// Programs could read a path in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("programs could read the path in different ways")]
pub struct Ambiguous;

impl PlainPath {
    /// Parses the target of a request as the client sent it, without the query.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`], also when the path has more than 4,096 bytes.
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
            // Only the last segment may be empty (the root, or a trailing slash). Some servers drop other
            // empty segments.
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

    /// The decoded path without a trailing slash. The root is the empty text.
    pub fn trimmed(&self) -> &str {
        self.text.trim_end_matches('/')
    }

    /// Whether `path` is this path or below it, in the same spelling.
    pub(crate) fn covers_exactly(&self, path: &Self) -> bool {
        is_under(&self.text, &path.text)
    }

    /// Whether an application may treat `path` as this path or as one below it.
    pub(crate) fn covers_any_spelling_of(&self, path: &Self) -> bool {
        is_under(&self.folded, &path.folded)
    }

    /// The number of segments.
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

/// Folds a decoded segment. The folded form must not be ambiguous either, because an application may
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
    fn an_ambiguous_path_is_rejected() {
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
    fn a_path_that_normalisation_makes_ambiguous_is_rejected() {
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
