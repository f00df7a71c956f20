//! The keys that a verifier trusts, by name.
//!
//! A token's `kid` is looked up in this map in memory and nowhere else (RFC 8725 §3.10).

use std::collections::{BTreeMap, BTreeSet};

use crate::jwk_set::JwkSet;
use crate::{Jwk, KeyId, VerifyingKey};

/// Trusted keys by `kid`. Keys that share a `kid` are all kept, up to four for each algorithm.
#[derive(Clone, Debug, Default)]
pub struct KeySet(BTreeMap<KeyId, Vec<VerifyingKey>>);

/// RFC 7517 §4.5 only recommends that keys have different names. A token that names several keys of one algorithm
/// is tried with each of them, so the number bounds what a forged token costs.
const MOST_OF_ONE_NAME: usize = 4;

impl KeySet {
    /// Of more than four keys with one name and one algorithm, the first four are kept.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut named: BTreeMap<KeyId, Vec<VerifyingKey>> = BTreeMap::new();
        for key in keys {
            let namesakes = named.entry(key.key_id().clone()).or_default();
            let alike = namesakes.iter().filter(|known| known.algorithm() == key.algorithm()).count();
            if alike < MOST_OF_ONE_NAME {
                namesakes.push(key);
            }
        }
        Self(named)
    }

    /// The keys of that name, in the order in which they were given. Any text may be asked for.
    pub fn named(&self, kid: &str) -> impl Iterator<Item = &VerifyingKey> {
        self.0.get(kid).into_iter().flatten()
    }

    /// The keys, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values().flatten()
    }
}

/// Keys without `kid` are left out: no token could name them. A key that is published twice counts once.
impl From<JwkSet> for KeySet {
    fn from(set: JwkSet) -> Self {
        let mut known = BTreeSet::new();
        let is_new =
            |jwk: &&Jwk| known.insert((jwk.key_id().cloned(), jwk.algorithm().name(), jwk.thumbprint()));
        Self::new(set.keys.iter().filter(is_new).filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok()))
    }
}
