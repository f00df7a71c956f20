//! The rules for usernames of new accounts. They do not apply to sign-ins, so that existing accounts keep
//! working.
//!
//! Characters: each word of a name follows the profile UsernameCaseMapped (RFC 8265 §3.3), and one space
//! separates two words. The profile excludes other spaces, symbols, emoji, and joiners where no script needs
//! them.
//!
//! Scripts: the level Highly Restrictive of Unicode Technical Standard 39 §5.2, because a Cyrillic `а` in a
//! Latin name looks like a Latin one. A name in a single script may still look like a name in another script.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

use super::UserError;

/// Checks a name that [`super::Username::parse`] accepts.
pub(super) fn check(name: &str) -> Result<(), UserError> {
    // This also rejects an empty word between two spaces.
    if !name.split(' ').all(|word| UsernameCaseMapped::enforce(word).is_ok()) {
        return Err(UserError::UsernameCharacters);
    }
    // The two sides of an e-mail address are checked separately (UTS 39 §3.3).
    if name.split('@').all(is_of_few_scripts) { Ok(()) } else { Err(UserError::UsernameScripts) }
}

fn is_of_few_scripts(text: &str) -> bool {
    // ASCII punctuation belongs to every script.
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
    fn a_mix_of_scripts_that_look_alike_is_rejected() {
        for name in
            ["\u{430}nna", "ann\u{430}", "p\u{430}ypal", "\u{391}nna", "ж_a", "\u{430}nna@example.com"]
        {
            assert_eq!(check(name), Err(UserError::UsernameScripts), "{name}");
        }
    }

    #[test]
    fn a_word_with_letters_of_two_directions_is_rejected() {
        // RFC 5893 §2: on a screen, the parts would appear in another order.
        for name in ["jane\u{5d0}", "1\u{5d0}a"] {
            assert_eq!(check(name), Err(UserError::UsernameCharacters), "{name}");
        }
    }

    #[test]
    fn unusual_spaces_joiners_and_symbols_are_rejected() {
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
