//! The `scope` of a token (RFC 6749 §3.3): a set of words, in the order in which they were requested.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of scope words: at most 2048 characters, with single spaces between the words. Two scopes with the
/// same words are equal in any order. An empty scope is left out of tokens.
///
/// ```
/// use countersign_token::Scope;
///
/// let granted = Scope::parse("read write")?;
/// assert!(granted.contains("read"));
/// assert!(Scope::parse("write")?.is_subset_of(&granted));
/// # Ok::<(), countersign_token::ScopeError>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// In bytes. It bounds the cost of parsing, which compares every word with every other word.
const LONGEST: usize = 2048;

/// The text has a character that RFC 6749 §3.3 does not allow, a superfluous space, or more than 2048 bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope must be words of visible ASCII characters without quotes and backslashes, \
     separated by single spaces, and have at most 2048 characters"
)]
pub struct ScopeError;

impl Scope {
    /// Parses words that are separated by single spaces. Repeated words are dropped, and an empty text is an
    /// empty scope.
    ///
    /// # Errors
    ///
    /// Fails if a character is not allowed (RFC 6749 §3.3), if there is a leading, trailing or double space,
    /// or if the text has more than 2048 bytes.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > LONGEST {
            return Err(ScopeError);
        }
        let mut scope = Self::default();
        if text.is_empty() {
            return Ok(scope);
        }
        for word in text.split(' ') {
            if word.is_empty() || !word.bytes().all(is_scope_character) {
                return Err(ScopeError);
            }
            if !scope.contains(word) {
                scope.push(word);
            }
        }
        Ok(scope)
    }

    /// The words, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    /// Whether `word` is one of the words. The comparison is byte for byte.
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }

    /// Whether `other` contains all words of this scope. A refresh may request a subset of the granted scope,
    /// and never more (RFC 6749 §6).
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|word| other.contains(word))
    }

    /// The words for which `keep` returns `true`, in the same order.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut kept = Self::default();
        self.iter().filter(|word| keep(word)).for_each(|word| kept.push(word));
        kept
    }

    /// Whether the scope has no words.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words, separated by single spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, word: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(word);
    }
}

/// Ignores the order of the words.
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.is_subset_of(other) && other.is_subset_of(self)
    }
}

impl Eq for Scope {}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

/// `%x21 / %x23-5B / %x5D-7E` (RFC 6749 appendix A.4).
fn is_scope_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}
