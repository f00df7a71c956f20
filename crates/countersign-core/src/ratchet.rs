//! The forward ratchet: the secret of each refresh token derives from the one before it.
//!
//! `r_(g+1) = HMAC-SHA256(K_ratchet, "csr/next" | r_g | sid | u32be(g+1))[..16]`.
//! A row has only hashes, so a copy of the database cannot be used to refresh. The
//! row needs no hash of a spent secret, because stepping a genuine one forward
//! yields the row's hash. The successor of a secret is always the same, so the
//! server can repeat a response that was lost.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use zeroize::Zeroize;

use crate::master_key::{DerivedKeys, ServerKeys};
use crate::{SessionId, World};

/// How often a session's refresh token has been rotated.
pub type Generation = u32;

/// The most generations by which a token may be behind the row and still be stepped forward to it.
pub const MAX_STEPS: u32 = 64;

/// The secret of one generation: 16 bytes that only the token contains.
#[derive(Clone, Zeroize)]
#[zeroize(drop)]
pub struct RatchetSecret([u8; 16]);

/// The hash of a secret, which the row has: SHA-256 with a label, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

/// A secret and the master key that it was derived under.
#[derive(Debug, Clone)]
pub struct Link {
    pub secret: RatchetSecret,
    /// The key id of that master key.
    pub key_id: u8,
}

impl RatchetSecret {
    /// Makes the random secret of generation 0.
    pub fn first(world: &World) -> Self {
        Self(world.random())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The secret of the following generation, which is `next`.
    #[must_use]
    pub fn step(&self, keys: &DerivedKeys, session: SessionId, next: Generation) -> Self {
        let mut context = hmac::Context::with_key(&keys.ratchet);
        context.update(b"csr/next");
        context.update(&self.0);
        context.update(session.as_bytes());
        context.update(&next.to_be_bytes());
        let tag = context.sign();
        Self(tag.as_ref()[..16].try_into().expect("SHA-256 yields 32 bytes"))
    }

    pub fn hash(&self) -> SecretHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"csr/hash");
        context.update(&self.0);
        SecretHash(context.finish().as_ref().try_into().expect("SHA-256 yields 32 bytes"))
    }
}

impl SecretHash {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the hash of `secret`, compared in constant time.
    pub fn fits(&self, secret: &RatchetSecret) -> bool {
        verify_slices_are_equal(&self.0, secret.hash().as_bytes()).is_ok()
    }
}

/// Where a [`walk`] starts: a presented secret.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The secret and its key id.
    pub link: &'a Link,
    /// The secret's generation.
    pub generation: Generation,
}

/// Where a [`walk`] must arrive: the position of the row.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The row's generation.
    pub generation: Generation,
    /// The hash of that generation's secret.
    pub hash: &'a SecretHash,
}

/// Steps a secret forward to the target's generation.
///
/// The operator may have replaced the master key between two generations. Each step is therefore tried with
/// the key of the step before and with every newer key. `None`: no path leads to the target's hash, or the
/// target is before the start or more than [`MAX_STEPS`] after it.
pub fn walk(keys: &ServerKeys, session: SessionId, start: Start<'_>, target: Target<'_>) -> Option<Link> {
    if target.generation.checked_sub(start.generation)? > MAX_STEPS {
        return None;
    }
    let mut frontier = vec![start.link.clone()];
    for next in start.generation + 1..=target.generation {
        frontier = frontier.iter().flat_map(|link| successors(keys, session, link, next)).collect();
    }
    frontier.into_iter().find(|link| target.hash.fits(&link.secret))
}

fn successors<'k>(
    keys: &'k ServerKeys,
    session: SessionId,
    link: &Link,
    next: Generation,
) -> impl Iterator<Item = Link> + use<'k> {
    let secret = link.secret.clone();
    keys.since(link.key_id)
        .into_iter()
        .map(move |key| Link { secret: secret.step(key, session, next), key_id: key.id() })
}

impl fmt::Debug for RatchetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RatchetSecret(…)")
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::server_keys;

    const SESSION: SessionId = SessionId::from_bytes([9; 16]);

    fn advance(link: &Link, keys: &ServerKeys, next: Generation) -> Link {
        let key = keys.newest();
        Link { secret: link.secret.step(key, SESSION, next), key_id: key.id() }
    }

    #[test]
    fn a_spent_secret_can_be_stepped_forward_across_two_key_changes() {
        let (old, middle, new) = (server_keys(&[1]), server_keys(&[2, 1]), server_keys(&[3, 2, 1]));
        let start = Link { secret: RatchetSecret::from_bytes([5; 16]), key_id: old.newest().id() };
        let one = advance(&start, &old, 1);
        let two = advance(&one, &middle, 2);
        let three = advance(&two, &new, 3);
        let (from, hash) = (Start { link: &start, generation: 0 }, three.secret.hash());
        let found = walk(&new, SESSION, from, Target { generation: 3, hash: &hash }).unwrap();
        assert!(three.secret.hash().fits(&found.secret));
        assert_eq!(found.key_id, three.key_id);
    }

    #[test]
    fn a_walk_finds_only_the_right_secret_at_most_64_steps_ahead() {
        let keys = server_keys(&[1]);
        let start = Link { secret: RatchetSecret::from_bytes([5; 16]), key_id: keys.newest().id() };
        let forged = Link { secret: RatchetSecret::from_bytes([6; 16]), ..start.clone() };
        let one = advance(&start, &keys, 1);
        let walk = |link, from: Generation, to: Generation| {
            let target = Target { generation: to, hash: &one.secret.hash() };
            walk(&keys, SESSION, Start { link, generation: from }, target)
        };
        assert!(walk(&start, 0, 1).is_some());
        assert!(walk(&forged, 0, 1).is_none());
        assert!(walk(&start, 0, MAX_STEPS + 1).is_none());
        assert!(walk(&start, 1, 0).is_none());
    }
}
