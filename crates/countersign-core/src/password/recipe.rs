//! Computing a hash with the function and the parameters of the system that made it.

use std::num::NonZeroU32;

use argon2::Argon2;
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, pbkdf2};

use super::TypedPassword;
use super::work::{Blocks, Prf, Work, compute_argon2};
use crate::Secret;

/// A hash function with its parameters, and the hash that the right password yields.
pub(super) struct Recipe {
    pub(super) function: Function,
    pub(super) salt: Vec<u8>,
    pub(super) expected: Vec<u8>,
}

pub(super) enum Function {
    Argon2(Argon2<'static>),
    Bcrypt {
        cost: u32,
        before: BeforeBcrypt,
    },
    Scrypt(scrypt::Params),
    /// Firebase uses scrypt's output as the key that encrypts the project's signer key.
    FirebaseScrypt(scrypt::Params, Secret<Vec<u8>>),
    Pbkdf2(Prf, NonZeroU32),
}

/// The input of bcrypt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BeforeBcrypt {
    /// The first 72 bytes of the password, as in every system that uses plain bcrypt.
    Password,
    /// The SHA-256 of the password in hexadecimal digits, as in Django's `bcrypt_sha256`.
    Sha256,
}

/// The bytes that bcrypt reads.
const BCRYPT_READS: usize = 72;

/// The length of a stored bcrypt hash. bcrypt computes 24 bytes, and its format leaves out the last one.
pub(super) const BCRYPT_OUTPUT: usize = 23;

impl Recipe {
    /// The work of computing the hash.
    pub(super) fn work(&self) -> Work {
        match &self.function {
            Function::Argon2(argon2) => Work::argon2(argon2.params()),
            Function::Bcrypt { cost, .. } => Work { bcrypt: 1 << cost, ..Work::default() },
            Function::Scrypt(params) | Function::FirebaseScrypt(params, _) => {
                let scrypt = params.n() * u64::from(params.r()) * u64::from(params.p());
                Work { scrypt, ..Work::default() }
            }
            Function::Pbkdf2(prf, iterations) => Work::pbkdf2(*prf, *iterations, self.expected.len()),
        }
    }

    /// Whether a password yields the expected hash.
    pub(super) fn fits(&self, password: &[u8], blocks: &mut Blocks) -> bool {
        let output = self.compute(password, blocks);
        output.is_some_and(|output| verify_slices_are_equal(output.expose(), &self.expected).is_ok())
    }

    /// Whether the function reads only the start of this password.
    pub(super) fn reads_a_part(&self, password: &TypedPassword) -> bool {
        matches!(self.function, Function::Bcrypt { before: BeforeBcrypt::Password, .. })
            && password.forms().any(|form| form.len() > BCRYPT_READS)
    }

    fn compute(&self, password: &[u8], blocks: &mut Blocks) -> Option<Secret<Vec<u8>>> {
        let mut output = Secret::new(vec![0; self.expected.len()]);
        match &self.function {
            Function::Argon2(argon2) => {
                compute_argon2(argon2, password, &self.salt, blocks, output.expose_mut()).ok()?;
            }
            Function::Bcrypt { cost, before } => {
                let salt = self.salt.as_slice().try_into().ok()?;
                let hash = Secret::new(match before {
                    BeforeBcrypt::Password => bcrypt::bcrypt(*cost, salt, &terminated(password)),
                    BeforeBcrypt::Sha256 => {
                        let digest = digest::digest(&digest::SHA256, password);
                        bcrypt::bcrypt(*cost, salt, &terminated(&hexadecimal(digest.as_ref())))
                    }
                });
                output.expose_mut().copy_from_slice(&hash.expose()[..BCRYPT_OUTPUT]);
            }
            Function::Scrypt(params) => {
                scrypt::scrypt(password, &self.salt, params, output.expose_mut()).ok()?;
            }
            Function::FirebaseScrypt(params, signer_key) => {
                let mut key = Secret::new([0; 32]);
                scrypt::scrypt(password, &self.salt, params, key.expose_mut()).ok()?;
                output.expose_mut().copy_from_slice(signer_key.expose());
                encrypt(key.expose(), output.expose_mut())?;
            }
            Function::Pbkdf2(prf, iterations) => {
                pbkdf2::derive(prf.algorithm(), *iterations, &self.salt, password, output.expose_mut());
            }
        }
        Some(output)
    }
}

/// The password as bcrypt reads it: with a zero byte at the end, unless the password fills all 72 bytes.
fn terminated(password: &[u8]) -> Vec<u8> {
    password.iter().copied().chain([0]).take(BCRYPT_READS).collect()
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// AES-256-CTR from a counter of zero.
fn encrypt(key: &[u8; 32], in_out: &mut [u8]) -> Option<()> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let start = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(in_out, start).ok().map(|_| ())
}
