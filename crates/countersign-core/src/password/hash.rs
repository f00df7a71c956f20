//! How a password is kept: Argon2id (RFC 9106) as a PHC string.
//!
//! The parameters are at least what OWASP asks for (19 MiB, two passes, one
//! lane). A hash with weaker ones is replaced when its user next signs in. For
//! somebody who has no password, an equally dear dummy is verified, so that the
//! time tells nothing.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::TypedPassword;
use crate::{Secret, World};

/// The length of a new hash, in bytes.
const OUTPUT: usize = 32;

/// A password's hash as a PHC string: cannot be presented, but is nobody's business either.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The memory that a hash works in; it is used again by the next one.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

/// Why somebody else's hash is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Something else.
    #[error("this is not an Argon2 PHC string")]
    NotArgon2,
    /// Dearer than the configuration.
    #[error(
        "this hash costs more than the server's own: set `password.memory_kib` to at least {memory} and \
         `password.passes` to at least {passes} first"
    )]
    Dearer {
        /// Its memory, in KiB.
        memory: u32,
        /// Its passes.
        passes: u32,
    },
}

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
    params: Params,
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
        // Nobody's password: its hash is random, so that no password fits it.
        let dummy = encode(&params, &world.random(), &world.random());
        Self { params, dummy }
    }

    /// Hashes a password with a new salt. Takes tens of milliseconds and the configured memory.
    pub fn hash(&self, password: &TypedPassword, memory: &mut HashMemory, world: &World) -> PasswordHash {
        let salt = world.random::<16>();
        let mut output = Secret::new([0; OUTPUT]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        compute(&argon2, (password, &salt), memory, output.expose_mut())
            .expect("Argon2 takes 16 bytes of salt and any bounded password");
        encode(&self.params, &salt, output.expose())
    }

    /// Verifies a password, or does the same work in vain when there is no hash. A hash of smaller parameters
    /// is followed by the rest of the work, so that its user is not known by their time.
    pub fn verify(
        &self,
        password: &TypedPassword,
        hash: Option<&PasswordHash>,
        memory: &mut HashMemory,
    ) -> Verified {
        let hash_or_dummy = hash.unwrap_or(&self.dummy);
        let is_right = fits(password, hash_or_dummy, memory).unwrap_or(false);
        self.do_the_rest(password, hash_or_dummy, memory);
        match (is_right, hash) {
            (true, Some(hash)) if self.is_weak(hash) => Verified::RightButWeak,
            (true, Some(_)) => Verified::Right,
            _ => Verified::Wrong,
        }
    }

    /// Takes an Argon2 PHC string that another system made. It may not be dearer than this server's own:
    /// the time of a sign-in would tell that its user exists.
    ///
    /// # Errors
    ///
    /// [`ImportError`].
    pub fn import(&self, text: &str) -> Result<PasswordHash, ImportError> {
        let (argon2, hash) = parse(text).ok_or(ImportError::NotArgon2)?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(ImportError::NotArgon2);
        }
        let (memory, passes) = (argon2.params().m_cost(), argon2.params().t_cost());
        if memory > self.params.m_cost() || work(argon2.params()) > work(&self.params) {
            return Err(ImportError::Dearer { memory, passes });
        }
        Ok(PasswordHash(text.to_owned()))
    }

    /// Does the work that a hash of smaller parameters was short of.
    fn do_the_rest(&self, password: &TypedPassword, hash: &PasswordHash, memory: &mut HashMemory) {
        let done = parse(hash.as_str()).map_or(0, |(argon2, _)| work(argon2.params()));
        for params in rest(&self.params, done) {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            // Only the time matters.
            compute(&argon2, (password, &[0; 16]), memory, &mut [0; OUTPUT]).ok();
        }
    }

    fn is_weak(&self, hash: &PasswordHash) -> bool {
        let Some((argon2, _)) = parse(hash.as_str()) else { return true };
        let (actual, wanted) = (argon2.params(), &self.params);
        !hash.as_str().starts_with("$argon2id$")
            || actual.m_cost() < wanted.m_cost()
            || actual.t_cost() < wanted.t_cost()
    }
}

/// What filling a block costs in the first pass, and in a later one, which reads what it overwrites: measured at 17.9
/// and 20.2 ms for 19 MiB.
const FIRST_PASS: u64 = 8;
const LATER_PASS: u64 = 9;

/// What a hash costs.
fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * (FIRST_PASS + LATER_PASS * u64::from(params.t_cost().saturating_sub(1)))
}

/// What is missing to the work of `wanted` when so much is done already, in first passes over at most its memory. Fewer
/// than 8 blocks, the least that Argon2 takes, are left out.
fn rest(wanted: &Params, done: u64) -> impl Iterator<Item = Params> {
    let blocks = work(wanted).saturating_sub(done) / FIRST_PASS;
    let memory = u64::from(wanted.m_cost());
    let whole = std::iter::repeat_n(memory, usize::try_from(blocks / memory).unwrap_or(usize::MAX));
    whole
        .chain([blocks % memory])
        .filter_map(|blocks| Params::new(u32::try_from(blocks).ok()?, 1, 1, None).ok())
}

/// Reads a PHC string: how to compute, and what the result must be.
fn parse(text: &str) -> Option<(Argon2<'static>, phc::PasswordHash)> {
    let hash = phc::PasswordHash::new(text).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
    let params = Params::try_from(&hash).ok()?;
    Some((Argon2::new(algorithm, version, params), hash))
}

fn fits(password: &TypedPassword, hash: &PasswordHash, memory: &mut HashMemory) -> Option<bool> {
    let (argon2, hash) = parse(hash.as_str())?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut output = Secret::new(vec![0; expected.as_bytes().len()]);
    compute(&argon2, (password, &salt), memory, output.expose_mut()).ok()?;
    Some(verify_slices_are_equal(output.expose(), expected.as_bytes()).is_ok())
}

fn compute(
    argon2: &Argon2<'_>,
    (password, salt): (&TypedPassword, &[u8]),
    memory: &mut HashMemory,
    output: &mut [u8],
) -> argon2::Result<()> {
    let blocks = argon2.params().block_count();
    memory.0.resize(blocks, Block::default());
    argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, &mut memory.0[..blocks])
}

fn encode(params: &Params, salt: &[u8; 16], output: &[u8; OUTPUT]) -> PasswordHash {
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    PasswordHash(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}"))
}

impl PasswordHash {
    /// Takes a PHC string from the store.
    pub const fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    fn hash(hasher: &PasswordHasher, password: &str) -> PasswordHash {
        hasher.hash(&typed(password), &mut HashMemory::default(), &world())
    }

    fn verify(hasher: &PasswordHasher, password: &str, hash: Option<&PasswordHash>) -> Verified {
        hasher.verify(&typed(password), hash, &mut HashMemory::default())
    }

    #[test]
    fn a_hash_says_its_parameters_and_another_implementation_verifies_it() {
        use argon2::password_hash::PasswordVerifier;
        let hash = hash(&PasswordHasher::new(19_456, 2, &world()), "a password");
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let parsed = phc::PasswordHash::new(hash.as_str()).unwrap();
        assert!(Argon2::default().verify_password(b"a password", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"another one", &parsed).is_err());
    }

    // E1
    #[test]
    fn two_long_passwords_that_share_their_first_72_bytes_differ() {
        let hasher = PasswordHasher::new(64, 1, &world());
        let (one, other) = (format!("{}1", "a".repeat(72)), format!("{}2", "a".repeat(72)));
        let hash = hash(&hasher, &one);
        assert_eq!(verify(&hasher, &one, Some(&hash)), Verified::Right);
        assert_eq!(verify(&hasher, &other, Some(&hash)), Verified::Wrong);
    }

    #[test]
    fn one_password_typed_in_two_unicode_forms_is_one_password() {
        let hasher = PasswordHasher::new(64, 1, &world());
        let hash = hash(&hasher, "Zoe\u{0308} drinks ﬁzz");
        assert_eq!(verify(&hasher, "Zo\u{00eb} drinks fizz", Some(&hash)), Verified::Right);
    }

    // E6
    #[test]
    fn a_weaker_hash_is_recognised() {
        let (weak, strong) = (PasswordHasher::new(64, 1, &world()), PasswordHasher::new(128, 2, &world()));
        let hash = hash(&weak, "a password");
        assert_eq!(verify(&strong, "a password", Some(&hash)), Verified::RightButWeak);
    }

    // E5
    #[test]
    fn nobodys_password_is_never_right_not_even_the_empty_one() {
        let hasher = PasswordHasher::new(64, 1, &world());
        assert_eq!(verify(&hasher, "", None), Verified::Wrong);
    }

    // E5
    #[test]
    fn a_cheaper_hash_is_followed_by_every_block_that_it_was_short_of() {
        let own = Params::new(19_456, 2, 1, None).unwrap();
        for (memory, passes) in
            [(16_384_u32, 2_u32), (19_456, 1), (12_288, 3), (4096, 3), (64, 1), (19_456, 2)]
        {
            let done = work(&Params::new(memory, passes, 1, None).unwrap());
            let together = done + rest(&own, done).map(|params| work(&params)).sum::<u64>();
            assert!(work(&own) - together < 8 * FIRST_PASS, "m={memory},t={passes}");
        }
    }

    #[test]
    fn memory_that_was_used_before_changes_no_hash() {
        let (small, large) = (PasswordHasher::new(64, 1, &world()), PasswordHasher::new(256, 2, &world()));
        let mut memory = HashMemory::default();
        for hasher in [&large, &small, &large] {
            let hash = hasher.hash(&typed("a password"), &mut memory, &world());
            assert_eq!(hasher.verify(&typed("a password"), Some(&hash), &mut memory), Verified::Right);
            assert_eq!(hasher.verify(&typed("another one"), Some(&hash), &mut memory), Verified::Wrong);
        }
    }

    // E5
    #[test]
    fn a_foreign_hash_is_taken_when_it_is_argon2_and_not_dearer_than_our_own() {
        let hasher = PasswordHasher::new(65_536, 3, &world());
        let import = |parameters: &str| {
            hasher.import(&format!("$argon2id$v=19${parameters}$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA")).err()
        };
        assert_eq!(import("m=65536,t=3,p=4"), None);
        assert_eq!(import("m=19456,t=2,p=1"), None);
        assert_eq!(import("m=65537,t=1,p=1"), Some(ImportError::Dearer { memory: 65_537, passes: 1 }));
        assert_eq!(import("m=65536,t=4,p=4"), Some(ImportError::Dearer { memory: 65_536, passes: 4 }));
        assert_eq!(hasher.import("$2b$10$abcdefghijklmnopqrstuv").err(), Some(ImportError::NotArgon2));
        assert_eq!(hasher.import("password").err(), Some(ImportError::NotArgon2));
    }
}
