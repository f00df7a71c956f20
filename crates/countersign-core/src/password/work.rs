//! The work of verifying a password, so that every sign-in costs the same.
//!
//! Imported accounts have hashes of other functions and other costs. If a sign-in
//! took only the time of the account's hash, the time would show that the account
//! exists. Each sign-in therefore also does the work that is missing to the
//! greatest work of each function among all accounts. Work is counted in units of
//! each function, so it needs no clock and no calibration.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::pbkdf2;

/// The work of verifying a hash, in units of each function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Blocks of 1 KiB, weighted by pass.
    pub(super) argon2: u64,
    /// Rounds of the key schedule: 2 to the power of the cost.
    pub(super) bcrypt: u64,
    /// N · r · p.
    pub(super) scrypt: u64,
    /// Iterations times blocks of output, for each [`Prf`].
    pub(super) pbkdf2: [u64; 3],
}

/// The pseudo-random function of PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prf {
    HmacSha1,
    HmacSha256,
    HmacSha512,
}

/// The memory that Argon2 works in.
pub(super) type Blocks = Vec<Block>;

/// The relative costs of a block in the first pass and in a later pass, which also reads the block that it
/// overwrites: measured as 17.9 and 20.2 ms for 19 MiB.
const FIRST_PASS: u64 = 8;
const LATER_PASS: u64 = 9;

/// The greatest N (as a power of two) and the r of one run of scrypt in [`Work::spend`]: 128 MiB.
const SCRYPT_LOG_N: u32 = 17;
const SCRYPT_R: u32 = 8;

/// The least cost that bcrypt accepts.
const BCRYPT_MIN_COST: u32 = 4;

impl Prf {
    const ALL: [Self; 3] = [Self::HmacSha1, Self::HmacSha256, Self::HmacSha512];

    pub(super) const fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::HmacSha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::HmacSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::HmacSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    /// The length of one output block, in bytes.
    pub(super) const fn block(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
        }
    }
}

impl Work {
    pub(super) fn argon2(params: &Params) -> Self {
        let passes = FIRST_PASS + LATER_PASS * u64::from(params.t_cost().saturating_sub(1));
        Self { argon2: u64::from(params.m_cost()) * passes, ..Self::default() }
    }

    pub(super) fn pbkdf2(prf: Prf, iterations: NonZeroU32, output: usize) -> Self {
        let mut work = Self::default();
        work.pbkdf2[prf as usize] = u64::from(iterations.get()) * output.div_ceil(prf.block()) as u64;
        work
    }

    /// The greater work of each function.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    /// The lesser work of each function.
    #[must_use]
    pub(super) fn min(self, other: Self) -> Self {
        self.zip(other, u64::min)
    }

    /// The work of each function that remains after `done`.
    #[must_use]
    pub(super) fn minus(self, done: Self) -> Self {
        self.zip(done, u64::saturating_sub)
    }

    fn zip(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            argon2: both(self.argon2, other.argon2),
            bcrypt: both(self.bcrypt, other.bcrypt),
            scrypt: both(self.scrypt, other.scrypt),
            pbkdf2: std::array::from_fn(|prf| both(self.pbkdf2[prf], other.pbkdf2[prf])),
        }
    }

    /// Does the work and drops the results. Argon2 uses at most the memory of `own`.
    pub(super) fn spend(self, own: &Params, blocks: &mut Blocks) {
        const PASSWORD: &[u8] = b"nothing depends on this password";
        const SALT: [u8; 16] = [0; 16];
        let mut output = [0; 32];
        for params in argon2_runs(own, self.argon2) {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            compute_argon2(&argon2, PASSWORD, &SALT, blocks, &mut output).ok();
        }
        for cost in powers_of_two(self.bcrypt, BCRYPT_MIN_COST, 31) {
            std::hint::black_box(bcrypt::bcrypt(cost, SALT, PASSWORD));
        }
        for log_n in powers_of_two(self.scrypt / u64::from(SCRYPT_R), 1, SCRYPT_LOG_N) {
            let params =
                u8::try_from(log_n).ok().and_then(|log_n| scrypt::Params::new(log_n, SCRYPT_R, 1).ok());
            params.map(|params| scrypt::scrypt(PASSWORD, &SALT, &params, &mut output));
        }
        for prf in Prf::ALL {
            let iterations = u32::try_from(self.pbkdf2[prf as usize]).unwrap_or(u32::MAX);
            if let Some(iterations) = NonZeroU32::new(iterations) {
                let output = &mut output[..prf.block().min(32)];
                pbkdf2::derive(prf.algorithm(), iterations, &SALT, PASSWORD, output);
            }
        }
        std::hint::black_box(output);
    }
}

/// Exponents from `least` to `greatest` whose powers of two add up to `units`. A remainder below the least
/// power is left out.
fn powers_of_two(units: u64, least: u32, greatest: u32) -> impl Iterator<Item = u32> {
    let whole = usize::try_from(units >> greatest).unwrap_or(usize::MAX);
    let rest = (least..greatest).filter(move |exponent| units >> exponent & 1 == 1);
    std::iter::repeat_n(greatest, whole).chain(rest)
}

/// Single-pass parameters that together cost `work` and each use at most the memory of `own`. A remainder
/// below 8 blocks, the least that Argon2 accepts, is left out.
fn argon2_runs(own: &Params, work: u64) -> impl Iterator<Item = Params> {
    let blocks = work / FIRST_PASS;
    let memory = u64::from(own.m_cost());
    let whole = std::iter::repeat_n(memory, usize::try_from(blocks / memory).unwrap_or(usize::MAX));
    whole
        .chain([blocks % memory])
        .filter_map(|blocks| Params::new(u32::try_from(blocks).ok()?, 1, 1, None).ok())
}

/// Computes an Argon2 hash in reused memory.
pub(super) fn compute_argon2(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    blocks: &mut Blocks,
    output: &mut [u8],
) -> argon2::Result<()> {
    let count = argon2.params().block_count();
    blocks.resize(count, Block::default());
    argon2.hash_password_into_with_memory(password, salt, output, &mut blocks[..count])
}

#[cfg(test)]
mod tests {
    use super::*;

    // E5
    #[test]
    fn the_missing_blocks_of_a_cheaper_argon2_hash_are_computed() {
        let params = |memory, passes| Params::new(memory, passes, 1, None).unwrap();
        let own = params(19_456, 2);
        for (memory, passes) in [(16_384, 2), (19_456, 1), (12_288, 3), (4096, 3), (64, 1), (19_456, 2)] {
            let done = Work::argon2(&params(memory, passes));
            let missing = Work::argon2(&own).minus(done).argon2;
            let spent: u64 = argon2_runs(&own, missing).map(|params| Work::argon2(&params).argon2).sum();
            assert!(missing - spent < 8 * FIRST_PASS, "m={memory},t={passes}");
        }
    }

    // E5
    #[test]
    fn the_missing_runs_of_bcrypt_and_scrypt_add_up_to_the_missing_work() {
        for (units, least, greatest) in [(4096 - 1024, 4, 31), (1 << 14, 4, 31), (5 << 17, 1, 17), (0, 4, 31)]
        {
            let spent: u64 = powers_of_two(units, least, greatest).map(|exponent| 1 << exponent).sum();
            assert_eq!(spent, units);
        }
    }
}
