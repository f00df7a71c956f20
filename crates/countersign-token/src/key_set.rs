//! The keys that a verifier trusts, by `kid`.
//!
//! A token's `kid` is looked up in this map in memory, and is not used for anything else (RFC 8725 §3.10).

use std::collections::{BTreeMap, BTreeSet};

use crate::jwk_set::JwkSet;
use crate::{Jwk, KeyId, VerifyingKey};

/// Trusted keys by `kid`. Keys that share a `kid` are all kept, at most four for each algorithm.
#[derive(Clone, Debug, Default)]
pub struct KeySet(BTreeMap<KeyId, Vec<VerifyingKey>>);

/// RFC 7517 §4.5 recommends different `kid`s but does not require them. A token is checked with every key
/// that has its `kid` and algorithm, so this limit bounds the cost of a forged token.
const MOST_WITH_SAME_KID: usize = 4;

impl KeySet {
    /// Builds a set. If more than four keys have the same `kid` and algorithm, only the first four are kept.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut named: BTreeMap<KeyId, Vec<VerifyingKey>> = BTreeMap::new();
        for key in keys {
            let same_kid = named.entry(key.key_id().clone()).or_default();
            let alike = same_kid.iter().filter(|known| known.algorithm() == key.algorithm()).count();
            if alike < MOST_WITH_SAME_KID {
                same_kid.push(key);
            }
        }
        Self(named)
    }

    /// The keys with this `kid`, in the order in which they were given. `kid` may be any text.
    pub fn named(&self, kid: &str) -> impl Iterator<Item = &VerifyingKey> {
        self.0.get(kid).into_iter().flatten()
    }

    /// All keys, ordered by `kid`.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values().flatten()
    }
}

/// Ignores keys without a `kid`, because no token can name them, and duplicates of a key.
impl From<JwkSet> for KeySet {
    fn from(set: JwkSet) -> Self {
        let mut known = BTreeSet::new();
        let is_new =
            |jwk: &&Jwk| known.insert((jwk.key_id().cloned(), jwk.algorithm().name(), jwk.thumbprint()));
        Self::new(set.keys.iter().filter(is_new).filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok()))
    }
}
