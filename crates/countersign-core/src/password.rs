//! Passwords: what is accepted, and how it is kept.
//!
//! NIST SP 800-63B-4 §3.1.1: at least 15 characters, a list of what attackers
//! try first, no composition rules, no hints, nothing truncated. A password is
//! normalised once (NFKC) and its length is bounded on every path before it is
//! hashed, so that nobody can make the server hash a novel.

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

/// NIST SP 800-63B-4 §3.1.1: a password that is the only factor.
pub const MIN_CHARACTERS: usize = 15;

/// The most characters that are accepted, counted after normalisation.
pub const MAX_CHARACTERS: usize = 256;

/// The estimate looks at so many characters: what is weak is weak by then, and its cost grows with the square.
const MAX_ESTIMATED: usize = 40;

/// The most bytes that are looked at at all.
pub const MAX_BYTES: usize = 1024;

/// A password as a user typed it: bounded and normalised, whether it could be set or not.
#[derive(Debug, Clone)]
pub struct TypedPassword {
    normal: Secret<String>,
    /// The bytes that were sent, when normalising changes them. Other systems hash these.
    raw: Option<Secret<String>>,
}

/// A password that is good enough to be set.
#[derive(Debug)]
pub struct NewPassword(TypedPassword);

/// Why a password is not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Fewer than [`MIN_CHARACTERS`].
    #[error(
        "a password has at least {MIN_CHARACTERS} characters; a few unrelated words are easy to keep in mind"
    )]
    TooShort,
    /// More than [`MAX_CHARACTERS`] or [`MAX_BYTES`].
    #[error("a password has at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// Among the first that an attacker tries.
    #[error("this password is among the first that an attacker would try; take another one")]
    Common,
    /// The password that the user has already.
    #[error("the new password is the old one; choose another")]
    Unchanged,
    /// Little more than the user's own name.
    #[error("this password is little more than your own name or this service's; take another one")]
    Personal,
}

impl TypedPassword {
    /// Normalises what was typed.
    ///
    /// # Errors
    ///
    /// [`Weakness::TooLong`], before anything dear is done with it.
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

    /// What may have been hashed when the password was set: its normal form, and the bytes as they were sent.
    pub(crate) fn forms(&self) -> impl Iterator<Item = &str> {
        [Some(&self.normal), self.raw.as_ref()].into_iter().flatten().map(|form| form.expose().as_str())
    }
}

impl NewPassword {
    /// Checks a password that is to be set for somebody whom the words of `context` name.
    ///
    /// # Errors
    ///
    /// Its [`Weakness`].
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

    /// A password that nobody chose: 100 random bits in four groups.
    pub fn generate(world: &World) -> Secret<String> {
        /// Lower case without `i`, `l`, `o` and `u`: nothing to mistake, no words.
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

    /// The password as it will be hashed.
    pub const fn typed(&self) -> &TypedPassword {
        &self.0
    }
}

/// Whether little is left when the words of `context` are taken out.
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
    fn what_attackers_try_first_is_refused() {
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
    fn a_generated_password_is_good_enough() {
        assert_eq!(check(NewPassword::generate(&world()).expose()), None);
    }
}
