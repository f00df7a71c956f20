//! Base64url as RFC 7515 §2 has it: no padding, and only the one canonical spelling of each value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Appends to `text`, so that a token is built in one buffer.
pub(crate) fn append(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Appends a dot and then the bytes: the next part of a token.
pub(crate) fn append_part(token: &mut String, bytes: &[u8]) {
    token.push('.');
    append(token, bytes);
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// In characters.
pub(crate) fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// `None` for padding, line breaks, the other alphabet, and trailing bits that are not zero: one signature
/// must have one spelling.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
