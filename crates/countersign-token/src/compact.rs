//! The compact serialisation of a signed token (RFC 7515 §7.1): three base64url parts, separated by dots.
//!
//! The length and the number of dots are checked before anything is split or decoded. A token that consists
//! of dots therefore costs one pass over a bounded number of bytes and no memory. A JWE has five parts and is
//! rejected here.

use serde_json::{Map, Value};

use crate::base64url;
use crate::error::VerifyError;
use crate::json::parse_strict;

/// Extensions, unencoded payloads (RFC 7797), compression and encryption. Access tokens need none of them,
/// and each has been used to bypass the checks of some JWT library.
const FORBIDDEN_HEADERS: [&str; 4] = ["crit", "b64", "zip", "enc"];

/// The three parts of a token that is not verified yet.
pub(crate) struct Compact<'a> {
    /// The signed text: header, dot and payload.
    pub(crate) signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `longest` bytes.
    pub(crate) fn split(token: &'a str, longest: usize) -> Result<Self, VerifyError> {
        if token.len() > longest {
            return Err(VerifyError::TooLong);
        }
        if token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err(VerifyError::NotThreeParts);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(VerifyError::NotThreeParts)?;
        let (header, payload) = signed.split_once('.').ok_or(VerifyError::NotThreeParts)?;
        Ok(Self { signed, header, payload, signature })
    }

    pub(crate) fn header(&self) -> Result<Header, VerifyError> {
        object("header", self.header).map(Header)
    }

    pub(crate) fn payload(&self) -> Result<Map<String, Value>, VerifyError> {
        object("payload", self.payload)
    }

    /// The decoded payload, not parsed.
    pub(crate) fn payload_bytes(&self) -> Result<Vec<u8>, VerifyError> {
        base64url::decode(self.payload).ok_or(VerifyError::Encoding("payload"))
    }

    pub(crate) fn signature(&self) -> Result<Vec<u8>, VerifyError> {
        base64url::decode(self.signature).ok_or(VerifyError::Encoding("signature"))
    }
}

/// The members of a header. No code reads `jwk`, `jku`, `x5u` or `x5c`: a key that arrives with the token
/// proves nothing.
pub(crate) struct Header(pub(crate) Map<String, Value>);

impl Header {
    pub(crate) fn check_nothing_forbidden(&self) -> Result<(), VerifyError> {
        match FORBIDDEN_HEADERS.into_iter().find(|name| self.0.contains_key(*name)) {
            Some(name) => Err(VerifyError::ForbiddenHeader(name)),
            None => Ok(()),
        }
    }

    /// Returns `None` if the member is absent. A value that is not a string is an error.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, VerifyError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(VerifyError::Header(name)),
        }
    }

    pub(crate) fn required_text(&self, name: &'static str) -> Result<&str, VerifyError> {
        self.text(name)?.ok_or(VerifyError::Header(name))
    }
}

fn object(part: &'static str, encoded: &str) -> Result<Map<String, Value>, VerifyError> {
    let bytes = base64url::decode(encoded).ok_or(VerifyError::Encoding(part))?;
    match parse_strict(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(VerifyError::NotAnObject(part)),
        Err(source) => Err(VerifyError::Json { part, source }),
    }
}
