//! The server's keys, which derive from a master key outside the database.
//!
//! HKDF-SHA256 (RFC 5869) derives one key for each use, with a label of that use.
//! The key id is one more derived byte. Everything made under a master key contains
//! it. The operator can configure up to three master keys, the newest first: the
//! first makes new tokens and encrypts, and all of them verify and decrypt.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Secret, World};

/// The most master keys. Each one makes it more expensive to step a spent token forward.
pub const MAX_KEYS: usize = 3;

/// Master keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The text has no key.
    #[error("there is no master key")]
    Missing,
    /// The line with this number is not 32 bytes in base64url.
    #[error("line {0} is not a master key: 43 characters of base64url are expected")]
    Malformed(usize),
    /// There are more than [`MAX_KEYS`].
    #[error("there are more than {MAX_KEYS} master keys")]
    TooMany,
    /// The key in the line with this number does not come from a random generator.
    #[error(
        "line {0} is not a random key: generate one with `countersign init`, or with \
         `openssl rand 32 | basenc --base64url | tr -d =`"
    )]
    NotRandom(usize),
    /// Two keys have the same key id.
    #[error("two master keys share a key id: generate another one")]
    SameKeyId,
}

/// The derived keys of every master key.
pub struct ServerKeys {
    newest_first: Vec<DerivedKeys>,
}

/// The keys that derive from one master key, one for each use.
pub struct DerivedKeys {
    id: u8,
    pub(crate) ratchet: hmac::Key,
    pub(crate) binding: hmac::Key,
    pub(crate) tag: hmac::Key,
    pub(crate) device: hmac::Key,
    wrap: LessSafeKey,
}

/// An encrypted secret: key id (1 byte), nonce (12 bytes), ciphertext and tag (16 bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped(Vec<u8>);

impl ServerKeys {
    /// Parses master keys, one in each line, the newest first. Empty lines and `#` comments are skipped.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError`], when there is no key or more than [`MAX_KEYS`], when one is malformed or not
    /// random, or when two have the same key id.
    pub fn parse(text: &Secret<String>) -> Result<Self, MasterKeyError> {
        let mut newest_first: Vec<DerivedKeys> = Vec::new();
        for (index, line) in text.expose().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = URL_SAFE_NO_PAD.decode(line).map_err(|_| MasterKeyError::Malformed(index + 1))?;
            let master = Secret::new(bytes.try_into().map_err(|_| MasterKeyError::Malformed(index + 1))?);
            if !is_random(master.expose()) {
                return Err(MasterKeyError::NotRandom(index + 1));
            }
            let keys = DerivedKeys::derive(&master);
            if newest_first.len() == MAX_KEYS {
                return Err(MasterKeyError::TooMany);
            }
            if newest_first.iter().any(|known| known.id == keys.id) {
                return Err(MasterKeyError::SameKeyId);
            }
            newest_first.push(keys);
        }
        if newest_first.is_empty() { Err(MasterKeyError::Missing) } else { Ok(Self { newest_first }) }
    }

    /// Makes a master key, in the form that [`ServerKeys::parse`] accepts.
    pub fn generate(world: &World) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(world.random::<32>()))
    }

    /// The keys for new tokens and for encryption.
    pub fn newest(&self) -> &DerivedKeys {
        self.newest_first.first().expect("there is at least one master key")
    }

    /// The keys with this key id.
    pub fn get(&self, id: u8) -> Option<&DerivedKeys> {
        self.newest_first.iter().find(|keys| keys.id == id)
    }

    /// The keys of every master key, the newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &DerivedKeys> {
        self.newest_first.iter()
    }

    /// The keys with this key id and every newer one, the oldest first.
    pub(crate) fn since(&self, id: u8) -> Vec<&DerivedKeys> {
        let at = self.newest_first.iter().position(|keys| keys.id == id);
        at.map(|at| self.newest_first.iter().take(at + 1).rev().collect()).unwrap_or_default()
    }

    /// Decrypts a secret that [`DerivedKeys::wrap`] encrypted for the same `purpose`. `None`: the key is
    /// unknown, the purpose differs, or the bytes were changed.
    pub fn unwrap(&self, purpose: &str, wrapped: &Wrapped) -> Option<Secret<Vec<u8>>> {
        let (id, rest) = wrapped.0.split_first()?;
        let (nonce, ciphertext) = rest.split_at_checked(12)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = ciphertext.to_vec();
        let plain = self.get(*id)?.wrap.open_in_place(nonce, Aad::from(purpose), &mut buffer).ok()?;
        let plain = Secret::new(plain.to_vec());
        Some(plain)
    }
}

/// Whether the bytes look random: few repeated bytes, few repeated differences between neighbours, and not
/// all ASCII. Rejects fewer than one in 10^12 random keys.
fn is_random(bytes: &[u8; 32]) -> bool {
    /// A random key has 30 different bytes on average, and as many different differences between neighbours.
    const FEWEST: usize = 18;
    let different = |bytes: &[u8]| bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    let steps: Vec<_> = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    different(bytes) >= FEWEST && different(&steps) >= FEWEST && !bytes.iter().all(u8::is_ascii)
}

impl DerivedKeys {
    fn derive(master: &Secret<[u8; 32]>) -> Self {
        let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign").extract(master.expose());
        let expand = |label: &str| {
            let mut bytes = [0; 32];
            pseudorandom
                .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut bytes))
                .expect("HKDF-SHA256 yields 32 bytes");
            Secret::new(bytes)
        };
        let hmac_key = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, expand(label).expose());
        let wrap =
            UnboundKey::new(&AES_256_GCM, expand("csr/wrap").expose()).expect("AES-256 takes 32 bytes");
        Self {
            id: expand("csr/kid").expose()[0],
            ratchet: hmac_key("csr/ratchet"),
            binding: hmac_key("csr/bind"),
            tag: hmac_key("csr/tag"),
            device: hmac_key("csr/device"),
            wrap: LessSafeKey::new(wrap),
        }
    }

    pub const fn id(&self) -> u8 {
        self.id
    }

    /// Encrypts a secret with AES-256-GCM and a random nonce. The purpose is authenticated as well.
    pub fn wrap(&self, purpose: &str, plain: &Secret<Vec<u8>>, world: &World) -> Wrapped {
        let nonce = world.random::<12>();
        let mut sealed = plain.expose().clone();
        self.wrap
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .expect("a private key is shorter than AES-GCM's limit");
        let mut bytes = Vec::with_capacity(1 + nonce.len() + sealed.len());
        bytes.push(self.id);
        bytes.extend_from_slice(&nonce);
        bytes.append(&mut sealed);
        Wrapped(bytes)
    }
}

impl Wrapped {
    /// Whether these keys encrypted it, by the key id.
    pub fn is_under(&self, keys: &DerivedKeys) -> bool {
        self.0.first() == Some(&keys.id)
    }

    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.newest_first.iter().map(DerivedKeys::id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{server_keys as keys, world};

    // G5
    #[test]
    fn only_the_same_master_key_and_purpose_decrypt_a_secret() {
        let secret = Secret::new(b"a private key".to_vec());
        let wrapped = keys(&[1]).newest().wrap("signing", &secret, &world());
        let opened = keys(&[2, 1]).unwrap("signing", &wrapped);
        assert_eq!(opened.map(|plain| plain.expose().clone()), Some(b"a private key".to_vec()));
        assert!(keys(&[1]).unwrap("other", &wrapped).is_none());
        assert!(keys(&[2]).unwrap("signing", &wrapped).is_none());
        assert!(keys(&[1]).unwrap("signing", &Wrapped::from_bytes(vec![])).is_none());
    }

    #[test]
    fn the_error_names_the_line_of_a_malformed_master_key() {
        let parse = |text: &str| ServerKeys::parse(&Secret::new(text.to_owned())).err();
        assert_eq!(parse("# nothing\n"), Some(MasterKeyError::Missing));
        assert_eq!(parse("\nabc"), Some(MasterKeyError::Malformed(2)));
        let line = ServerKeys::generate(&world()).expose().clone();
        assert_eq!(parse(&format!("{line}\n{line}")), Some(MasterKeyError::SameKeyId));
    }

    #[test]
    fn a_master_key_that_is_not_random_is_rejected() {
        let parse = |bytes: [u8; 32]| ServerKeys::parse(&Secret::new(URL_SAFE_NO_PAD.encode(bytes))).err();
        let counted = std::array::from_fn(|index| u8::try_from(index * 7 % 256).unwrap());
        let halves = std::array::from_fn(|index| u8::try_from(index % 16 * 17).unwrap());
        for bytes in [[0; 32], [255; 32], counted, halves, *b"correct horse battery staple now"] {
            assert_eq!(parse(bytes), Some(MasterKeyError::NotRandom(1)), "{bytes:?}");
        }
        let world = world();
        for _ in 0..20_000 {
            assert_eq!(ServerKeys::parse(&ServerKeys::generate(&world)).err(), None);
        }
    }

    #[test]
    fn debug_output_contains_no_key() {
        assert!(format!("{:?}", keys(&[1])).len() < 8);
    }
}
