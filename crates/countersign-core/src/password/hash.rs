//! Password hashes: Argon2id (RFC 9106) as a PHC string.
//!
//! The parameters are at least those that OWASP recommends (19 MiB, two passes, one
//! lane). When a user signs in, the server replaces a weaker hash and a hash that
//! another system made. Every sign-in costs the same work, whichever hash the user
//! has and whether the user exists: see [`Work`].

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::recipe::{Function, Recipe};
use super::work::{Blocks, compute_argon2};
use super::{TypedPassword, Work, spelling};
use crate::{Secret, World};

/// The length of a new hash, in bytes.
const OUTPUT: usize = 32;

/// The most that an imported hash may cost if its function is not Argon2: one to two seconds for each
/// function. Every sign-in costs as much until the imported user has signed in.
const MAX_IMPORTED: Work =
    Work { argon2: u64::MAX, bcrypt: 1 << 14, scrypt: 1 << 21, pbkdf2: [5_000_000, 5_000_000, 2_000_000] };

/// The most memory that scrypt may need, in bytes: 128 MiB for N = 2^17 and r = 8, and the blocks that it
/// mixes.
const MAX_SCRYPT_MEMORY: u64 = 129 << 20;

/// The least N of scrypt. Systems use at least this N, and below it the time is not proportional to N, r and p.
const MIN_SCRYPT_N: u64 = 1 << 10;

/// A password's hash, in the format of the system that made it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The memory for computing a hash, which the next computation reuses.
#[derive(Default)]
pub struct HashMemory(Blocks);

/// Why a hash of another system cannot be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The function or the format is unknown.
    #[error(
        "this hash cannot be verified; accepted are Argon2 (PHC, Django), bcrypt ($2a$, $2b$, $2y$, Django), scrypt \
         (PHC, Django, Werkzeug, Firebase, Better Auth) and PBKDF2 (PHC, Django, Werkzeug, ASP.NET Identity)"
    )]
    Unknown,
    /// An Argon2 hash costs more than the configured parameters.
    #[error(
        "this hash costs more than the server's own: set `password.memory_kib` to at least {memory} and \
         `password.passes` to at least {passes} first"
    )]
    Expensive {
        /// The hash's memory, in KiB.
        memory: u32,
        /// The hash's passes.
        passes: u32,
    },
    /// A hash of another function costs too much, or its scrypt parameters are out of bounds.
    #[error(
        "the cost of this hash is out of bounds; allowed are: for bcrypt a cost of at most 14; for scrypt N of at least 1024, \
         at most 128 MiB, and N·r·p of at most 2097152; for PBKDF2 at most 5000000 iterations (SHA-512: 2000000)"
    )]
    TooExpensive,
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The password is correct.
    Right,
    /// The password is correct, and the hash should be replaced: it is weaker than a new one, or it was made
    /// from the password before normalisation.
    RightButWeak,
    /// The password is wrong.
    Wrong,
}

/// Hashes passwords with fixed parameters, and verifies them.
pub struct PasswordHasher {
    params: Params,
    dummy: PasswordHash,
}

impl PasswordHasher {
    /// A hasher that uses `memory_kib` KiB of memory and `passes` passes.
    ///
    /// # Panics
    ///
    /// When the parameters are outside Argon2's range. The configuration checks them first.
    pub fn new(memory_kib: u32, passes: u32, world: &World) -> Self {
        let params =
            Params::new(memory_kib, passes, 1, None).expect("the configuration bounds the parameters");
        // The hash has random bytes, so no password matches it.
        let dummy = encode(&params, &world.random(), &world.random());
        Self { params, dummy }
    }

    /// Hashes a password with a new salt. Takes tens of milliseconds and the configured memory.
    pub fn hash(&self, password: &TypedPassword, memory: &mut HashMemory, world: &World) -> PasswordHash {
        let salt = world.random::<16>();
        let mut output = Secret::new([0; OUTPUT]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let password = password.expose().as_bytes();
        compute_argon2(&argon2, password, &salt, &mut memory.0, output.expose_mut())
            .expect("Argon2 takes 16 bytes of salt and any bounded password");
        encode(&self.params, &salt, output.expose())
    }

    /// Verifies a password. Without a hash, it does the same work and returns [`Verified::Wrong`].
    ///
    /// `greatest` is the greatest work of each function among all accounts. The function adds the work that
    /// the hash leaves of it, so that the time does not show which hash the account has, or whether the
    /// account exists.
    pub fn verify(
        &self,
        password: &TypedPassword,
        hash: Option<&PasswordHash>,
        greatest: Work,
        memory: &mut HashMemory,
    ) -> Verified {
        let hash_or_dummy = hash.unwrap_or(&self.dummy);
        let recipe = spelling::read(hash_or_dummy.as_str());
        let done = recipe.as_ref().map_or_else(Work::default, Recipe::work);
        let missing = greatest.max(Work::argon2(&self.params)).minus(done);
        let mut found = Verified::Wrong;
        for (form, as_found) in password.forms().zip([Verified::Right, Verified::RightButWeak]) {
            if recipe.as_ref().is_some_and(|recipe| recipe.fits(form.as_bytes(), &mut memory.0)) {
                found = as_found;
            }
            missing.spend(&self.params, &mut memory.0);
        }
        match (found, hash) {
            // Some systems store the hash of an empty password for users without a password.
            _ if password.expose().is_empty() => Verified::Wrong,
            (_, None) => Verified::Wrong,
            // bcrypt has read only the start of this password. A new hash would also cover the rest, which
            // the user may have mistyped.
            (_, Some(_))
                if found != Verified::Wrong
                    && recipe.as_ref().is_some_and(|recipe| recipe.reads_a_part(password)) =>
            {
                Verified::Right
            }
            (Verified::Right, Some(hash)) if self.is_weak(hash, recipe.as_ref()) => Verified::RightButWeak,
            _ => found,
        }
    }

    /// Accepts a hash that another system made.
    ///
    /// # Errors
    ///
    /// [`ImportError`], when the format is unknown or the hash costs too much.
    pub fn import(&self, text: &str) -> Result<PasswordHash, ImportError> {
        let text = spelling::without_django_name(text);
        let recipe = spelling::read(text).ok_or(ImportError::Unknown)?;
        let work = recipe.work();
        match &recipe.function {
            Function::Argon2(argon2) => {
                let (memory, passes) = (argon2.params().m_cost(), argon2.params().t_cost());
                if memory > self.params.m_cost() || work != work.min(Work::argon2(&self.params)) {
                    return Err(ImportError::Expensive { memory, passes });
                }
            }
            Function::Scrypt(params) | Function::FirebaseScrypt(params, _)
                if params.n() < MIN_SCRYPT_N
                    || 128 * u64::from(params.r()) * (params.n() + u64::from(params.p()))
                        > MAX_SCRYPT_MEMORY =>
            {
                return Err(ImportError::TooExpensive);
            }
            _ if work != work.min(MAX_IMPORTED) => return Err(ImportError::TooExpensive),
            _ => {}
        }
        Ok(PasswordHash(text.to_owned()))
    }

    fn is_weak(&self, hash: &PasswordHash, recipe: Option<&Recipe>) -> bool {
        let Some(Function::Argon2(argon2)) = recipe.map(|recipe| &recipe.function) else { return true };
        let (actual, wanted) = (argon2.params(), &self.params);
        !hash.as_str().starts_with("$argon2id$v=19$")
            || actual.m_cost() < wanted.m_cost()
            || actual.t_cost() < wanted.t_cost()
    }
}

fn encode(params: &Params, salt: &[u8; 16], output: &[u8; OUTPUT]) -> PasswordHash {
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    PasswordHash(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}"))
}

impl PasswordHash {
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the function is Argon2, which this server uses for new hashes.
    pub fn is_argon2(&self) -> bool {
        self.0.starts_with("$argon2")
    }

    /// The work of verifying a password against the hash.
    pub fn work(&self) -> Work {
        spelling::read(&self.0).map_or_else(Work::default, |recipe| recipe.work())
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
        hasher.verify(&typed(password), hash, Work::default(), &mut HashMemory::default())
    }

    #[test]
    fn a_hash_contains_its_parameters_and_another_implementation_verifies_it() {
        use argon2::password_hash::{PasswordVerifier, phc};
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
    fn without_a_hash_every_password_is_wrong_also_the_empty_one() {
        let hasher = PasswordHasher::new(64, 1, &world());
        assert_eq!(verify(&hasher, "", None), Verified::Wrong);
    }

    #[test]
    fn reused_memory_does_not_change_a_hash() {
        let (small, large) = (PasswordHasher::new(64, 1, &world()), PasswordHasher::new(256, 2, &world()));
        let mut memory = HashMemory::default();
        for hasher in [&large, &small, &large] {
            let hash = hasher.hash(&typed("a password"), &mut memory, &world());
            let verify_in = |memory: &mut HashMemory, password: &str| {
                hasher.verify(&typed(password), Some(&hash), Work::default(), memory)
            };
            assert_eq!(verify_in(&mut memory, "a password"), Verified::Right);
            assert_eq!(verify_in(&mut memory, "another one"), Verified::Wrong);
        }
    }

    // E5
    #[test]
    fn an_imported_argon2_hash_may_not_cost_more_than_a_new_one() {
        let hasher = PasswordHasher::new(65_536, 3, &world());
        let import = |parameters: &str| {
            hasher.import(&format!("$argon2id$v=19${parameters}$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA")).err()
        };
        assert_eq!(import("m=65536,t=3,p=4"), None);
        assert_eq!(import("m=19456,t=2,p=1"), None);
        assert_eq!(import("m=65537,t=1,p=1"), Some(ImportError::Expensive { memory: 65_537, passes: 1 }));
        assert_eq!(import("m=65536,t=4,p=4"), Some(ImportError::Expensive { memory: 65_536, passes: 4 }));
    }

    // E5
    #[test]
    fn the_cost_of_an_imported_hash_is_limited() {
        let hasher = PasswordHasher::new(65_536, 3, &world());
        let bcrypt =
            |cost: u8| format!("$2b${cost:02}$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi");
        let pbkdf2 =
            |rounds: u32| format!("$pbkdf2${rounds}$txYCAMCYE2IsxXgvZcwZ4w$Lsu3fB4.K6Hl3wiiaZ2DKmwAxNc");
        let scrypt = |parameters: &str| format!("$scrypt${parameters}$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA");
        for text in [bcrypt(14), pbkdf2(5_000_000), scrypt("ln=17,r=8,p=1"), scrypt("ln=14,r=8,p=16")] {
            assert!(hasher.import(&text).is_ok(), "{text}");
        }
        for text in [
            bcrypt(15),
            pbkdf2(5_000_001),
            scrypt("ln=18,r=8,p=1"),
            scrypt("ln=14,r=8,p=17"),
            scrypt("ln=9,r=8,p=1"),
            scrypt("ln=10,r=131072,p=1"),
        ] {
            assert_eq!(hasher.import(&text).err(), Some(ImportError::TooExpensive), "{text}");
        }
        assert_eq!(hasher.import("password").err(), Some(ImportError::Unknown));
    }

    // E1, E6
    #[test]
    fn an_imported_hash_of_the_unnormalised_password_is_accepted_and_replaced() {
        let hasher = PasswordHasher::new(64, 1, &world());
        // NFKC turns the superscript into an ordinary 2.
        let (raw, normal) = ("twelve² metres of rope", "twelve2 metres of rope");
        let bcrypt = hasher.import("$2b$05$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi").unwrap();
        assert_eq!(verify(&hasher, raw, Some(&bcrypt)), Verified::RightButWeak);
        assert_eq!(verify(&hasher, normal, Some(&bcrypt)), Verified::Wrong);
        let again = hash(&hasher, raw);
        assert_eq!(verify(&hasher, raw, Some(&again)), Verified::Right);
        assert_eq!(verify(&hasher, normal, Some(&again)), Verified::Right);
    }

    // E1
    #[test]
    fn an_empty_password_is_always_wrong_and_a_bcrypt_hash_of_a_long_one_is_kept() {
        let hasher = PasswordHasher::new(64, 1, &world());
        let empty = hash(&hasher, "");
        assert_eq!(verify(&hasher, "", Some(&empty)), Verified::Wrong);
        // The password is 100 times the letter x.
        let long = hasher.import("$2b$05$6iLDQiVmGVGSFdn3e.YbUe/8k2KeDMntT99Y5m7e9gZCjWHlUgq8.").unwrap();
        assert_eq!(verify(&hasher, &"x".repeat(100), Some(&long)), Verified::Right);
        assert_eq!(verify(&hasher, &format!("{}typo", "x".repeat(72)), Some(&long)), Verified::Right);
    }
}
