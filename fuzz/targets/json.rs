//! Strict JSON: an accepted text has the same value in `serde_json`, and does not change when it is written
//! and read again.

#![no_main]

use countersign_token::json::parse_strict;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = parse_strict(bytes) {
        let lenient: Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
        assert_eq!(value, lenient);
        let written = serde_json::to_vec(&value).expect("a value serialises");
        assert_eq!(parse_strict(&written).expect("written JSON is strict"), value);
    }
});
