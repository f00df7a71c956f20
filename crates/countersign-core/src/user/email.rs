//! E-mail addresses, and whether they are verified.
//!
//! Applications identify accounts by e-mail address. An unverified address must
//! therefore never look like a verified one: no identity header contains it, and
//! two users cannot have the same verified address. Several users may have the same
//! unverified address.

use unicode_normalization::UnicodeNormalization;

use super::UserError;
use crate::folding::is_unseen;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_LENGTH: usize = 254;

/// A user's e-mail address, as the user or an administrator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    verification: Verification,
}

/// Whether an address is known to belong to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Only the user says so.
    Unverified,
    /// The user received a message there, or an administrator confirmed it.
    Verified,
}

/// `true` in JSON, import files and rows means verified.
impl From<bool> for Verification {
    fn from(is_verified: bool) -> Self {
        if is_verified { Self::Verified } else { Self::Unverified }
    }
}

impl Email {
    /// Checks the form of an address: a local part, an `@`, and a domain of labels between dots.
    ///
    /// # Errors
    ///
    /// [`UserError::Email`], when the form is wrong or the address has more than 254 bytes.
    pub fn parse(text: &str, verification: Verification) -> Result<Self, UserError> {
        // Addresses are compared in this form, and some programs read them in it: `＠` is an `@` there.
        let normal = text.nfkc().collect::<String>();
        let (local, domain) = normal.rsplit_once('@').ok_or(UserError::Email)?;
        // Mail programs take these characters for several addresses, or do not show them.
        let is_plain = |c: char| !c.is_whitespace() && !is_unseen(c) && !"<>()[],;:\\\"@".contains(c);
        let is_of_label = |c: char| match c {
            // Some programs treat this character as a dot. NFKC turns `｡` into it.
            '\u{3002}' => false,
            c if c.is_ascii() => c.is_ascii_alphanumeric() || c == '-',
            // Letters, and the marks that several scripts need.
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

    /// An address from a store.
    pub const fn from_stored(address: String, verification: Verification) -> Self {
        Self { address, verification }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn is_verified(&self) -> bool {
        self.verification == Verification::Verified
    }

    /// The address. `None`: it is unverified.
    pub fn verified_address(&self) -> Option<&str> {
        Some(self.address()).filter(|_| self.is_verified())
    }

    /// The form in which verified addresses are compared: NFKC and lower case. `None`: the address is
    /// unverified.
    pub fn verified_key(&self) -> Option<String> {
        self.verified_address()
            .map(|address| address.nfkc().collect::<String>().to_lowercase().nfkc().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verified_addresses_are_compared_in_one_form() {
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
    fn a_text_that_is_not_an_address_is_rejected() {
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
