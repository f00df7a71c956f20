//! Passwords: which are accepted, and how they are hashed.
//!
//! The rules are those of NIST SP 800-63B-4 §3.1.1: at least 15 characters, a
//! check against the passwords that attackers try first, no composition rules, no
//! hints and no truncation. A password is normalised once (NFKC). Its length is
//! always checked before it is hashed, so that a client cannot make the server
//! hash a very long text.

mod hash;
mod recipe;
mod spelling;
mod work;

use unicode_normalization::UnicodeNormalization;
use zxcvbn::Score;
use zxcvbn::matching::Match;
use zxcvbn::matching::patterns::MatchPattern;

pub use hash::{HashMemory, ImportError, PasswordHash, PasswordHasher, Verified};
pub use work::Work;

use crate::{Secret, World};

/// The fewest characters. NIST SP 800-63B-4 §3.1.1 requires 15 where a password is the only factor.
pub const MIN_CHARACTERS: usize = 15;

/// The most characters, counted after normalisation.
pub const MAX_CHARACTERS: usize = 256;

/// The strength estimate reads only this many characters, because its cost grows with the square of the length.
const MAX_ESTIMATED: usize = 40;

/// The most bytes, checked before normalisation.
pub const MAX_BYTES: usize = 1024;

/// A password as a user typed it: bounded and normalised. It may be too weak for a new password.
#[derive(Debug, Clone)]
pub struct TypedPassword {
    normal: Secret<String>,
    /// The text before normalisation, if normalisation changes it. Other systems hash this form.
    raw: Option<Secret<String>>,
}

/// A password that is strong enough to be set.
#[derive(Debug)]
pub struct NewPassword(TypedPassword);

/// Why a password cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Fewer than [`MIN_CHARACTERS`].
    #[error(
        "a password has at least {MIN_CHARACTERS} characters; a few unrelated words are easy to remember"
    )]
    TooShort,
    /// More than [`MAX_CHARACTERS`] or [`MAX_BYTES`].
    #[error("a password has at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// One of the passwords that attackers try first, or similar to one.
    #[error("this password is among the first that an attacker would try; choose another one")]
    Common,
    /// The user's current password.
    #[error("the new password is the old one; choose another one")]
    Unchanged,
    /// Little more than the user's name or the name of the service.
    #[error("this password is little more than your name or the name of this service; choose another one")]
    Personal,
}

impl TypedPassword {
    /// Normalises a password.
    ///
    /// # Errors
    ///
    /// [`Weakness::TooLong`]. The bytes are counted before the expensive normalisation.
    pub fn parse(text: &Secret<String>) -> Result<Self, Weakness> {
        if text.expose().len() > MAX_BYTES {
            return Err(Weakness::TooLong);
        }
        let normal = Secret::new(text.expose().nfkc().collect::<String>());
        if normal.expose().chars().count() > MAX_CHARACTERS {
            return Err(Weakness::TooLong);
        }
        let raw = (normal.expose() != text.expose()).then(|| text.clone());
        Ok(Self { normal, raw })
    }

    pub(crate) fn expose(&self) -> &str {
        self.normal.expose()
    }

    /// The forms that may have been hashed when the password was set: the normalised text, and the text as it
    /// was sent.
    pub(crate) fn forms(&self) -> impl Iterator<Item = &str> {
        [Some(&self.normal), self.raw.as_ref()].into_iter().flatten().map(|form| form.expose().as_str())
    }
}

impl NewPassword {
    /// Checks a new password of a user. `context` has the user's names.
    ///
    /// # Errors
    ///
    /// The [`Weakness`] of the password.
    pub fn check(text: &Secret<String>, context: &[&str]) -> Result<Self, Weakness> {
        let typed = TypedPassword::parse(text)?;
        if typed.expose().chars().count() < MIN_CHARACTERS {
            return Err(Weakness::TooShort);
        }
        if is_mostly(typed.expose(), context) {
            return Err(Weakness::Personal);
        }
        let own_words: Vec<_> = context.iter().copied().chain(["countersign"]).collect();
        let start: String = typed.expose().chars().take(MAX_ESTIMATED).collect();
        let start = Secret::new(start);
        let estimate = zxcvbn::zxcvbn(start.expose(), &own_words);
        let is_word = |found: &Match| matches!(found.pattern, MatchPattern::Dictionary(_));
        let is_one_word = estimate.sequence().len() == 1 && estimate.sequence().iter().all(is_word);
        if estimate.score() <= Score::Two || is_one_word {
            return Err(Weakness::Common);
        }
        Ok(Self(typed))
    }

    /// Makes a password of 100 random bits, in four groups of five characters.
    pub fn generate(world: &World) -> Secret<String> {
        /// Without `i`, `l`, `o` and `u`, so that no two characters look alike and few words appear by chance.
        const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
        let random = Secret::new(world.random::<20>());
        let mut text = String::with_capacity(23);
        for (index, byte) in random.expose().iter().enumerate() {
            if index > 0 && index % 5 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        Secret::new(text)
    }

    /// The password, to hash it.
    pub const fn typed(&self) -> &TypedPassword {
        &self.0
    }
}

/// Whether few characters remain without the words of `context`.
fn is_mostly(password: &str, context: &[&str]) -> bool {
    let whole = password.to_lowercase();
    let words = context.iter().map(|word| word.to_lowercase()).filter(|word| word.chars().count() >= 3);
    let rest = words.fold(whole.clone(), |rest, word| rest.replace(&word, ""));
    rest.len() < whole.len() && rest.chars().count() < MIN_CHARACTERS / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::world;

    fn check(text: &str) -> Option<Weakness> {
        NewPassword::check(&Secret::new(text.to_owned()), &["john_doe"]).err()
    }

    // E1
    #[test]
    fn length_counts_characters_after_normalisation() {
        assert_eq!(check("vbzq mwtx krfj"), Some(Weakness::TooShort));
        assert_eq!(check("vbzq mwtx krfjp"), None);
        assert_eq!(check(&"🦊🪵🧊🎻🪁🧭🌵🪙".repeat(8)), None, "64 emoji");
        assert_eq!(check(&"x".repeat(257)), Some(Weakness::TooLong));
        assert_eq!(check(&"é".repeat(600)), Some(Weakness::TooLong));
    }

    // E2
    #[test]
    fn there_are_no_composition_rules() {
        assert_eq!(check("correct horse battery staple"), None);
        assert_eq!(check("hvmpdrzwqktbnxg"), None);
    }

    // E3
    #[test]
    fn passwords_that_attackers_try_first_are_rejected() {
        let walks = "1q2w3e4r5t6y7u8i";
        for text in
            ["passwordpassword", "123456789012345", "qwertyuiopasdfghjkl", "aaaaaaaaaaaaaaaaaaaa", walks]
        {
            assert_eq!(check(text), Some(Weakness::Common), "{text}");
        }
        for text in ["passwordpassword2024!", &"19990101".repeat(30)] {
            assert_eq!(check(text), Some(Weakness::Common), "{text}");
        }
        assert_eq!(check("john_doejohn_doe"), Some(Weakness::Personal));
        assert_eq!(check("countersigncountersign"), Some(Weakness::Common));
    }

    #[test]
    fn a_generated_password_is_strong_enough() {
        assert_eq!(check(NewPassword::generate(&world()).expose()), None);
    }
}
