//! What a token permits (`scope`, RFC 6749 §3.3): a set of words, kept in the order in which they were asked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of scope tokens, written with single spaces between them. The empty set permits nothing in
/// particular, and is left out of tokens.
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

/// Longer than any consent page could show; it also bounds the comparison of every word with every other.
const LONGEST: usize = 2048;

/// The text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is at most 2048 visible ASCII characters without quote and backslash, one space between words"
)]
pub struct ScopeError;

impl Scope {
    /// Parses space-separated words; a word that comes again is dropped. The empty text is the empty set.
    ///
    /// # Errors
    ///
    /// When there is a character that RFC 6749 §3.3 does not allow, a space too many, or too much text.
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

    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    /// Whether `word` is one of the words, to the letter.
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }

    /// Whether every word here is also in `other`: a refresh may narrow a grant and never widen it
    /// (RFC 6749 §6).
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|word| other.contains(word))
    }

    /// The words that `keep` keeps, in the same order.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut kept = Self::default();
        self.iter().filter(|word| keep(word)).for_each(|word| kept.push(word));
        kept
    }

    /// Whether there is no word at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words with single spaces between them.
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

/// Sets are equal whatever their order.
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

/// `%x21 / %x23-5B / %x5D-7E`, RFC 6749 appendix A.4.
fn is_scope_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}
