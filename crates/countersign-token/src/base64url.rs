//! Base64url as RFC 7515 §2 defines it: without padding, and with one canonical encoding of each value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Appends the encoded bytes to `text`, so that a token is built in one buffer.
pub(crate) fn append(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Appends a dot and the encoded bytes: the next part of a token.
pub(crate) fn append_part(token: &mut String, bytes: &[u8]) {
    token.push('.');
    append(token, bytes);
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The length of the encoded text in characters.
pub(crate) fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// Returns `None` for padding, line breaks, characters of the standard alphabet, and trailing bits that are
/// not zero. Otherwise one signature would have several encodings.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
