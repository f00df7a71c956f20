//! The keys that a verifier trusts, by name.
//!
//! A token's `kid` is looked up in this map in memory and nowhere else (RFC 8725 §3.10).

use std::collections::BTreeMap;

use crate::jwk_set::JwkSet;
use crate::{KeyId, VerifyingKey};

/// Trusted keys by `kid`.
#[derive(Clone, Debug, Default)]
pub struct KeySet(BTreeMap<KeyId, VerifyingKey>);

impl KeySet {
    /// Of two keys with one name the later wins; a [`JwkSet`] that was parsed has no such pair.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.key_id().clone(), key)).collect())
    }

    /// The key of that name. Any text may be asked for.
    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    /// The keys, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values()
    }
}

/// Keys without `kid` are left out: no token could name them.
impl From<JwkSet> for KeySet {
    fn from(set: JwkSet) -> Self {
        Self::new(set.keys.iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok()))
    }
}
