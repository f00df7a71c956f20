//! Public keys: an accepted key does not change when it is published and read again, and its published form
//! has no private members.

#![no_main]

use countersign_token::{Jwk, JwkSet, KeySet};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(jwk) = Jwk::parse(bytes) {
        let published = serde_json::to_vec(&jwk).expect("a key serialises");
        let again = Jwk::parse(&published).expect("a published key is valid");
        assert_eq!(again, jwk);
        assert_eq!(again.thumbprint(), jwk.thumbprint());
        assert_eq!(jwk.thumbprint().len(), 43);
        let members: Value = serde_json::from_slice(&published).expect("a key is JSON");
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(members.get(private), None);
        }
    }
    if let Ok(set) = JwkSet::parse(bytes) {
        let published = serde_json::to_vec(&set).expect("a set serialises");
        assert_eq!(JwkSet::parse(&published).expect("a published set is valid"), set);
        let named = set.keys.iter().filter(|key| key.key_id().is_some()).count();
        assert!(KeySet::from(set).iter().count() <= named, "a key without kid is not usable");
    }
});
