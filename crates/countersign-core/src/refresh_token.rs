//! The refresh token: 66 bytes after a prefix that secret scanners recognise.
//!
//! ```text
//! body  = version(1) | kid(1) | sid(16) | generation(u32) | issued_at(u32) | bind(8) | r(16)
//! token = "csr_" | base64url( body | HMAC-SHA256(K_tag[kid], "csr/tag" | body)[..16] )
//! ```
//!
//! A token has exactly one form: 92 characters in canonical base64url. Its tag is
//! compared in constant time before the server reads the store. `bind` binds the
//! token to the session's user, client and grant, so that the server notices a
//! changed row.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::master_key::{DerivedKeys, ServerKeys};
use crate::ratchet::{Generation, Link, RatchetSecret};
use crate::session::Grant;
use crate::{Secret, SessionId, Timestamp};

pub const PREFIX: &str = "csr_";

/// The length of every refresh token, in characters.
pub const LENGTH: usize = PREFIX.len() + (BODY + TAG) / 3 * 4;

const VERSION: u8 = 1;
const BODY: usize = 50;
const TAG: usize = 16;

/// Binds a token to its session's user, client and grant: 8 bytes of an HMAC.
#[derive(Debug, Clone, Copy)]
pub struct Binding([u8; 8]);

/// A refresh token with a genuine tag: made by this server, or by an attacker who has its master key.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    pub session: SessionId,
    pub generation: Generation,
    pub issued_at: Timestamp,
    pub binding: Binding,
    /// The secret, and the key id of the whole token.
    pub link: Link,
}

/// A text is not a refresh token of this server: it has a wrong length, form, version, key id or tag.
///
/// The error deliberately does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this server")]
pub struct NotOurs;

impl Binding {
    /// The binding of a session's tokens that are made under `keys`.
    pub fn of(grant: &Grant, session: SessionId, keys: &DerivedKeys) -> Self {
        let mut context = hmac::Context::with_key(&keys.binding);
        context.update(b"csr/bind");
        context.update(session.as_bytes());
        for part in grant.bound_parts() {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(&part);
        }
        Self(context.sign().as_ref()[..8].try_into().expect("SHA-256 yields 32 bytes"))
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl RefreshToken {
    /// Parses a presented token and verifies its tag (row 0 of the state machine).
    ///
    /// # Errors
    ///
    /// [`NotOurs`], for every defect.
    pub fn parse(text: &str, keys: &ServerKeys) -> Result<Self, NotOurs> {
        if text.len() != LENGTH {
            return Err(NotOurs);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(NotOurs)?;
        let mut bytes = [0; BODY + TAG];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).map_err(|_| NotOurs)?;
        if length != bytes.len() {
            return Err(NotOurs);
        }
        let (body, tag) = bytes.split_at(BODY);
        let keys = keys.get(body[1]).ok_or(NotOurs)?;
        verify_slices_are_equal(tag, &tag_of(keys, body)).map_err(|_| NotOurs)?;
        Self::from_body(body).ok_or(NotOurs)
    }

    fn from_body(body: &[u8]) -> Option<Self> {
        let mut rest = body;
        let [version, key_id] = take(&mut rest)?;
        let session = SessionId::from_bytes(take(&mut rest)?);
        let generation = Generation::from_be_bytes(take(&mut rest)?);
        let issued_at = Timestamp::from_seconds(u32::from_be_bytes(take(&mut rest)?).into());
        let binding = Binding(take(&mut rest)?);
        let secret = RatchetSecret::from_bytes(take(&mut rest)?);
        let link = Link { secret, key_id };
        (version == VERSION).then_some(Self { session, generation, issued_at, binding, link })
    }

    /// The token as text, with a tag under the master key of `link`. `None`: that key is no longer configured.
    pub fn seal(&self, keys: &ServerKeys) -> Option<Secret<String>> {
        let keys = keys.get(self.link.key_id)?;
        let issued_at = u32::try_from(self.issued_at.seconds()).unwrap_or(u32::MAX);
        let mut bytes = [0; BODY + TAG];
        let mut rest = &mut bytes[..];
        put(&mut rest, &[VERSION, self.link.key_id]);
        put(&mut rest, self.session.as_bytes());
        put(&mut rest, &self.generation.to_be_bytes());
        put(&mut rest, &issued_at.to_be_bytes());
        put(&mut rest, &self.binding.0);
        put(&mut rest, self.link.secret.as_bytes());
        let tag = tag_of(keys, &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(&tag);
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Some(Secret::new(text))
    }
}

fn tag_of(keys: &DerivedKeys, body: &[u8]) -> [u8; TAG] {
    let mut context = hmac::Context::with_key(&keys.tag);
    context.update(b"csr/tag");
    context.update(body);
    context.sign().as_ref()[..TAG].try_into().expect("SHA-256 yields 32 bytes")
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*part)
}

fn put(rest: &mut &mut [u8], part: &[u8]) {
    let (head, tail) = std::mem::take(rest).split_at_mut(part.len());
    head.copy_from_slice(part);
    *rest = tail;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{grant, opened, server_keys};
    use proptest::prelude::*;

    fn sealed(keys: &ServerKeys) -> String {
        opened(keys, grant()).1.seal(keys).unwrap().expose().clone()
    }

    #[test]
    fn a_token_reads_back_from_its_text() {
        let keys = server_keys(&[1]);
        let text = sealed(&keys);
        assert_eq!(text.len(), LENGTH);
        let token = RefreshToken::parse(&text, &keys).unwrap();
        assert_eq!(token.seal(&keys).unwrap().expose(), &text);
    }

    #[test]
    fn tokens_of_an_old_master_key_are_accepted_and_of_an_unknown_one_rejected() {
        let text = sealed(&server_keys(&[1]));
        assert!(RefreshToken::parse(&text, &server_keys(&[2, 1])).is_ok());
        assert_eq!(RefreshToken::parse(&text, &server_keys(&[2])).err(), Some(NotOurs));
    }

    #[test]
    fn a_change_of_any_character_is_rejected() {
        let keys = server_keys(&[1]);
        let text = sealed(&keys);
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(RefreshToken::parse(&changed, &keys).err(), Some(NotOurs), "{index}");
        }
    }

    proptest! {
        #[test]
        fn random_texts_are_rejected(text in ".{0,120}", tail in "[A-Za-z0-9_-]{88}") {
            let keys = server_keys(&[1]);
            prop_assert!(RefreshToken::parse(&text, &keys).is_err());
            prop_assert!(RefreshToken::parse(&(PREFIX.to_owned() + &tail), &keys).is_err());
        }
    }
}
