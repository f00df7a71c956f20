//! The name that a user signs in with.
//!
//! Two names are the same if their keys are: the name in NFKC and lower case.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::{MAX_NAME, UserError, new_name};
use crate::UserId;
use crate::folding::is_unseen;

/// A username: shown as it was given, compared by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    shown: String,
    key: String,
}

impl Username {
    /// Reads the name of an account that is about to be made.
    ///
    /// # Errors
    ///
    /// As [`Username::parse`], and when the name has characters or a mix of scripts that could be taken for another
    /// name: [`UserError::UsernameCharacters`], [`UserError::UsernameScripts`].
    pub fn new(text: &str) -> Result<Self, UserError> {
        let name = Self::parse(text)?;
        new_name::check(&name.shown)?;
        Ok(name)
    }

    /// Reads a username as it is typed at a sign-in. Accounts that are older than the rules of [`Username::new`] have
    /// such names.
    ///
    /// # Errors
    ///
    /// [`UserError::Username`] when it is empty, too long or cannot be seen whole.
    pub fn parse(text: &str) -> Result<Self, UserError> {
        // A stranger's megabyte is not normalised first.
        if text.len() > MAX_NAME * 4 {
            return Err(UserError::Username);
        }
        let shown = text.trim().nfkc().collect::<String>();
        let length = shown.chars().count();
        if !(1..=MAX_NAME).contains(&length) || shown.chars().any(is_unseen) {
            return Err(UserError::Username);
        }
        let key = shown.to_lowercase().nfkc().collect();
        Ok(Self { shown, key })
    }

    /// A name and its key, as a store kept both.
    pub const fn from_stored(shown: String, key: String) -> Self {
        Self { shown, key }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form that names are compared by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a command that takes an id or a name could take this name for that id.
    pub fn is_like_id(&self, id: &UserId) -> bool {
        [self.shown.as_str(), &self.key].contains(&id.as_str())
    }

    /// The key of the name that is spelt like an id: ids are ASCII.
    pub fn key_like(id: &UserId) -> String {
        id.as_str().to_ascii_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one_name() {
        let key = |text: &str| Username::parse(text).map(|name| name.key().to_owned());
        assert_eq!(key("Jo\u{0308}hn"), key("JÖHN"));
        assert_eq!(key("ｊohn"), key("john"));
    }

    // G2
    #[test]
    fn a_name_with_line_breaks_or_escapes_is_refused() {
        let unseen = [
            "adm\u{ad}in",
            "admin\u{3164}",
            "ad\u{34f}min",
            "admin\u{fe0f}",
            "admin\u{e0061}",
            "adm\u{61c}in",
        ];
        for text in unseen {
            assert_eq!(Username::parse(text).err(), Some(UserError::Username), "{text:?}");
        }
        for text in ["", "  ", "a\r\nb", "a\u{1b}[31m", "a\u{202e}b", &"a".repeat(129), &"a".repeat(1 << 20)]
        {
            assert_eq!(Username::parse(text).err(), Some(UserError::Username));
        }
    }
}
