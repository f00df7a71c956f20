//! An e-mail address, and whether its user has proved that it is theirs.
//!
//! Applications map accounts by e-mail, so an unverified address must never look
//! like a verified one: it is sent in no identity header, and two users cannot
//! both have one verified address. An unverified address is only a note; several
//! users may have the same one.

use unicode_normalization::UnicodeNormalization;

use super::UserError;
use crate::folding::is_unseen;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_LENGTH: usize = 254;

/// A user's e-mail address as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    verification: Verification,
}

/// Whether an address is proved to belong to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The user only claims it.
    Unverified,
    /// A message reached the user there, or an administrator vouches for it.
    Verified,
}

/// As JSON, import lines and rows say it.
impl From<bool> for Verification {
    fn from(is_verified: bool) -> Self {
        if is_verified { Self::Verified } else { Self::Unverified }
    }
}

impl Email {
    /// Checks the form of an address: a local part, an `@`, and a domain of labels with dots between.
    ///
    /// # Errors
    ///
    /// [`UserError::Email`].
    pub fn parse(text: &str, verification: Verification) -> Result<Self, UserError> {
        // In this form they are compared, and some programs read them so: `＠` is an `@` there.
        let normal = text.nfkc().collect::<String>();
        let (local, domain) = normal.rsplit_once('@').ok_or(UserError::Email)?;
        // Mail programs read these characters as more than one address, or do not show them.
        let is_plain = |c: char| !c.is_whitespace() && !is_unseen(c) && !"<>()[],;:\\\"@".contains(c);
        let is_of_label = |c: char| match c {
            // Another dot, at which some programs end a label. NFKC makes `｡` of the same.
            '\u{3002}' => false,
            c if c.is_ascii() => c.is_ascii_alphanumeric() || c == '-',
            // Letters, and the marks that several scripts cannot do without.
            c => is_plain(c),
        };
        let is_label = |label: &str| !label.is_empty() && label.chars().all(is_of_label);
        let is_sound = !local.is_empty() && local.chars().all(is_plain) && domain.split('.').all(is_label);
        if text.len() <= MAX_LENGTH && is_sound {
            Ok(Self { address: text.to_owned(), verification })
        } else {
            Err(UserError::Email)
        }
    }

    /// An address as a store kept it.
    pub const fn from_stored(address: String, verification: Verification) -> Self {
        Self { address, verification }
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether it is proved to belong to its user.
    pub fn is_verified(&self) -> bool {
        self.verification == Verification::Verified
    }

    /// The address if it is verified.
    pub fn verified_address(&self) -> Option<&str> {
        Some(self.address()).filter(|_| self.is_verified())
    }

    /// The form in which verified addresses are compared (NFKC, lower case); `None` for an unverified one.
    pub fn verified_key(&self) -> Option<String> {
        self.verified_address()
            .map(|address| address.nfkc().collect::<String>().to_lowercase().nfkc().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_in_which_verified_ones_are_compared() {
        let key = |text: &str| Email::parse(text, Verification::Verified).unwrap().verified_key();
        assert_eq!(key("Jane@Example.com"), key("jane@example.COM"));
        assert_eq!(key("ｊane@example.com"), key("jane@example.com"));
        let unverified = Email::parse("jane@example.com", Verification::Unverified).unwrap();
        assert_eq!((unverified.verified_key(), unverified.verified_address()), (None, None));
    }

    #[test]
    fn an_address_may_be_in_any_script() {
        for text in
            ["jane@हिन्दी.com", "jane@exa\u{301}mple.com", "用户@例子.中国", "o'neil+a_b@mail.example.co.uk"]
        {
            assert!(Email::parse(text, Verification::Unverified).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "ja ne@example.com",
            "jane@exa\nmple.com",
            "<jane@example.com>",
            "a@b@example.com",
            "john,jane@example.com",
            "jane\u{200b}@example.com",
            "jane@exam\u{ad}ple.com",
            "jane@example.com.",
            "jane@example\u{3002}com",
            "jane@example\u{ff61}com",
            "jane@example..com",
            "jane＠evil.com@example.com",
            "a，b@example.com",
            "＜jane＞@example.com",
        ] {
            assert_eq!(Email::parse(text, Verification::Unverified), Err(UserError::Email), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        assert_eq!(Email::parse(&long, Verification::Unverified), Err(UserError::Email));
    }
}
