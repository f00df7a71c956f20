//! The name that a user signs in with.
//!
//! Two names are the same if their keys are: the name in NFKC and lower case.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::{MAX_NAME, UserError, new_name};
use crate::UserId;
use crate::folding::is_unseen;

/// A username: shown as the user wrote it (in NFKC), compared by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    shown: String,
    key: String,
}

impl Username {
    /// Parses the name of a new account.
    ///
    /// # Errors
    ///
    /// As [`Username::parse`]. Also [`UserError::UsernameCharacters`] and [`UserError::UsernameScripts`],
    /// when the name has characters or a mix of scripts by which it could look like another name.
    pub fn new(text: &str) -> Result<Self, UserError> {
        let name = Self::parse(text)?;
        new_name::check(&name.shown)?;
        Ok(name)
    }

    /// Parses a username as a user types it at a sign-in. Existing accounts may have names that
    /// [`Username::new`] rejects.
    ///
    /// # Errors
    ///
    /// [`UserError::Username`], when the name is empty, is too long or has invisible characters.
    pub fn parse(text: &str) -> Result<Self, UserError> {
        // Checked first, so that an anonymous client cannot make the server normalise a megabyte.
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

    /// A name and its key from a store.
    pub const fn from_stored(shown: String, key: String) -> Self {
        Self { shown, key }
    }

    /// The name in NFKC, as it is shown.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form in which names are compared.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a command that accepts an id or a name could confuse this name with that id.
    pub fn is_like_id(&self, id: &UserId) -> bool {
        self.key == Self::key_like(id)
    }

    /// The key of a name that is spelled like an id. Ids are ASCII.
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
    fn a_name_with_invisible_or_control_characters_is_rejected() {
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
