//! A known device: the token that keeps an owner's lane open while strangers guess.
//!
//! Whoever has signed in from a browser gets a device token. Guesses without
//! one share the account's throttle; a request with one has a lane of its own,
//! so that nobody can lock an owner out by failing on purpose. It proves no
//! identity and opens nothing. `csd_` | base64url(kid | device(16) |
//! HMAC-SHA256(K_device, "csr/device" | device | user key)[..16]).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::master_key::DerivedKeys;
use crate::user::Username;
use crate::{Secret, ServerKeys, World};

const PREFIX: &str = "csd_";
const LENGTH: usize = 1 + 16 + 16;

/// A device from which this user has signed in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownDevice([u8; 16]);

impl KnownDevice {
    /// A new device.
    pub fn new(world: &World) -> Self {
        Self(world.random())
    }

    /// Its token for a user.
    pub fn seal(&self, user: &Username, keys: &ServerKeys) -> Secret<String> {
        let keys = keys.newest();
        let mut bytes = [0; LENGTH];
        bytes[0] = keys.id();
        bytes[1..17].copy_from_slice(&self.0);
        bytes[17..].copy_from_slice(&self.tag(user, keys));
        Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The device that `text` proves for a user; `None` when it proves none.
    pub fn parse(text: &str, user: &Username, keys: &ServerKeys) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() == LENGTH / 3 * 4)?;
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()?;
        let device = Self(bytes[1..17].try_into().ok()?);
        let tag = device.tag(user, keys.get(bytes[0])?);
        verify_slices_are_equal(&bytes[17..], &tag).ok().map(|()| device)
    }

    /// Its stored name in a throttle.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn tag(&self, user: &Username, keys: &DerivedKeys) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&keys.device);
        context.update(b"csr/device");
        context.update(&self.0);
        context.update(user.key().as_bytes());
        context.sign().as_ref()[..16].try_into().expect("SHA-256 yields 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{server_keys, world};

    #[test]
    fn a_device_is_known_for_its_own_user_alone() {
        let (john, jane) = (Username::parse("john").unwrap(), Username::parse("jane").unwrap());
        let keys = server_keys(&[1]);
        let device = KnownDevice::new(&world());
        let text = device.seal(&john, &keys);
        assert_eq!(KnownDevice::parse(text.expose(), &john, &server_keys(&[2, 1])), Some(device));
        assert_eq!(KnownDevice::parse(text.expose(), &jane, &keys), None);
        assert_eq!(KnownDevice::parse(text.expose(), &john, &server_keys(&[2])), None);
        assert_eq!(KnownDevice::parse("csd_", &john, &keys), None);
    }
}
