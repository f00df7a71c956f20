//! Which usernames new accounts may have.
//!
//! Characters: RFC 8265 §3.3, the profile UsernameCaseMapped, for each word of a name; words are separated by one space.
//! It excludes spaces of other kinds, symbols, emoji, and joiners where no script needs them. Scripts: Unicode Technical
//! Standard 39 §5.2, the level Highly Restrictive, because a Cyrillic `а` in a Latin name looks like a Latin one.
//! A name that is written in one script throughout may still look like a name of another script.
//!
//! Sign-ins do not come here: accounts with older names go on.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

use super::UserError;

/// Checks a name that [`super::Username::parse`] accepts.
pub(super) fn check(name: &str) -> Result<(), UserError> {
    // An empty word, between two spaces, is refused too.
    if !name.split(' ').all(|word| UsernameCaseMapped::enforce(word).is_ok()) {
        return Err(UserError::UsernameCharacters);
    }
    // The two sides of an e-mail address are judged apart (UTS 39 §3.3).
    if name.split('@').all(is_of_few_scripts) { Ok(()) } else { Err(UserError::UsernameScripts) }
}

fn is_of_few_scripts(text: &str) -> bool {
    // The standard is for identifiers; ASCII punctuation belongs to every script.
    let letters: String = text.chars().filter(|c| !c.is_ascii() || c.is_ascii_alphanumeric()).collect();
    letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_script_are_accepted() {
        for name in [
            "john_doe",
            "jane doe",
            "o'brien",
            "jane+shop@example.com",
            "100%",
            "José",
            "josé@example.com",
            "Jürgen-Groß",
            "Ελένη",
            "Иван",
            "иван 2",
            "иван@example.com",
            "山田太郎",
            "たなか花子",
            "Tanaka花子",
            "김철수",
            "אבג",
            "مريم",
            "हिन्दी",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn letters_of_two_scripts_that_look_alike_are_refused() {
        for name in
            ["\u{430}nna", "ann\u{430}", "p\u{430}ypal", "\u{391}nna", "ж_a", "\u{430}nna@example.com"]
        {
            assert_eq!(check(name), Err(UserError::UsernameScripts), "{name}");
        }
    }

    #[test]
    fn words_of_two_directions_are_refused() {
        // RFC 5893 §2: on a screen the parts would change places.
        for name in ["jane\u{5d0}", "1\u{5d0}a"] {
            assert_eq!(check(name), Err(UserError::UsernameCharacters), "{name}");
        }
    }

    #[test]
    fn spaces_joiners_and_symbols_that_hide_are_refused() {
        for name in [
            "jane  doe",
            "jane\u{3000}doe",
            "jane\u{a0}doe",
            "jane\u{2009}doe",
            "a\u{200d}b",
            "a\u{200c}b",
            "jane\u{2019}s",
            "☺",
            "jane😀",
            "½",
            "\u{378}",
        ] {
            assert_eq!(check(name), Err(UserError::UsernameCharacters), "{name:?}");
        }
    }
}
