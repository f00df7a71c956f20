//! How a password is kept: Argon2id (RFC 9106) as a PHC string.
//!
//! The parameters are at least what OWASP asks for (19 MiB, two passes, one
//! lane). A hash with weaker ones is replaced when its user next signs in. For
//! somebody who has no password, an equally dear dummy is verified, so that the
//! time tells nothing.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};

use super::TypedPassword;
use crate::{Secret, World};

/// A password's hash as a PHC string: cannot be presented, but is nobody's business either.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// What verifying a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It is the password.
    Right,
    /// It is, and the hash is weaker than a new one would be.
    RightButWeak,
    /// It is not.
    Wrong,
}

/// Hashes and verifies with one set of parameters.
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    dummy: PasswordHash,
}

impl PasswordHasher {
    /// A hasher that uses `memory_kib` KiB and `passes` passes over them.
    ///
    /// # Panics
    ///
    /// When the parameters are outside Argon2's range; the configuration has bounded them before.
    pub fn new(memory_kib: u32, passes: u32, world: &World) -> Self {
        let params =
            Params::new(memory_kib, passes, 1, None).expect("the configuration bounds the parameters");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = TypedPassword(Secret::new(String::new()));
        let dummy = hash_with(&argon2, &nobody, world.random());
        Self { argon2, dummy }
    }

    /// Hashes a password with a new salt. Takes tens of milliseconds and the configured memory.
    pub fn hash(&self, password: &TypedPassword, world: &World) -> PasswordHash {
        hash_with(&self.argon2, password, world.random())
    }

    /// Verifies a password, or does the same work in vain when there is no hash.
    pub fn verify(&self, password: &TypedPassword, hash: Option<&PasswordHash>) -> Verified {
        let known = hash.unwrap_or(&self.dummy);
        let is_right = self.argon2.verify_password(password.expose().as_bytes(), known.as_str()).is_ok();
        match (is_right, hash) {
            (true, Some(hash)) if self.is_weak(hash) => Verified::RightButWeak,
            (true, Some(_)) => Verified::Right,
            _ => Verified::Wrong,
        }
    }

    fn is_weak(&self, hash: &PasswordHash) -> bool {
        let wanted = self.argon2.params();
        let Ok(hash) = phc::PasswordHash::new(hash.as_str()) else { return true };
        let Ok(actual) = Params::try_from(&hash) else { return true };
        hash.algorithm.as_str() != "argon2id"
            || actual.m_cost() < wanted.m_cost()
            || actual.t_cost() < wanted.t_cost()
    }
}

fn hash_with(argon2: &Argon2<'_>, password: &TypedPassword, salt: [u8; 16]) -> PasswordHash {
    let hash = argon2
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .expect("Argon2 takes 16 bytes of salt and any bounded password");
    PasswordHash(hash.to_string())
}

impl PasswordHash {
    /// Takes an Argon2 PHC string that another system made; `None` when it is none.
    pub fn import(text: &str) -> Option<Self> {
        let hash = phc::PasswordHash::new(text).ok()?;
        let is_argon2 = hash.algorithm.as_str().starts_with("argon2");
        // Somebody else's parameters may not make this server work for minutes.
        let params = Params::try_from(&hash).ok()?;
        let is_bounded = params.m_cost() <= 1 << 20 && params.t_cost() <= 64;
        (is_argon2 && is_bounded && hash.hash.is_some()).then(|| Self(text.to_owned()))
    }

    /// Takes a PHC string from the store.
    pub const fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::world;

    fn typed(text: &str) -> TypedPassword {
        TypedPassword::parse(&Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn a_hash_says_its_parameters() {
        let hash = PasswordHasher::new(19_456, 2, &world()).hash(&typed("a password"), &world());
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    }

    // E1
    #[test]
    fn two_long_passwords_that_share_their_first_72_bytes_differ() {
        let hasher = PasswordHasher::new(64, 1, &world());
        let (one, other) = (format!("{}1", "a".repeat(72)), format!("{}2", "a".repeat(72)));
        let hash = hasher.hash(&typed(&one), &world());
        assert_eq!(hasher.verify(&typed(&one), Some(&hash)), Verified::Right);
        assert_eq!(hasher.verify(&typed(&other), Some(&hash)), Verified::Wrong);
    }

    #[test]
    fn one_password_typed_in_two_unicode_forms_is_one_password() {
        let hasher = PasswordHasher::new(64, 1, &world());
        let hash = hasher.hash(&typed("Zoe\u{0308} drinks ﬁzz"), &world());
        assert_eq!(hasher.verify(&typed("Zo\u{00eb} drinks fizz"), Some(&hash)), Verified::Right);
    }

    // E6
    #[test]
    fn a_weaker_hash_is_recognised() {
        let (weak, strong) = (PasswordHasher::new(64, 1, &world()), PasswordHasher::new(128, 2, &world()));
        let hash = weak.hash(&typed("a password"), &world());
        assert_eq!(strong.verify(&typed("a password"), Some(&hash)), Verified::RightButWeak);
    }

    // E5
    #[test]
    fn nobodys_password_is_never_right_not_even_the_empty_one() {
        let hasher = PasswordHasher::new(64, 1, &world());
        assert_eq!(hasher.verify(&typed(""), None), Verified::Wrong);
    }
}
