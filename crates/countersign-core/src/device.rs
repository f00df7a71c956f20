//! Device tokens, so that an attacker who guesses passwords cannot lock the owner out.
//!
//! The server gives a device token to each browser in which a user has signed in.
//! Sign-ins without a device token share the account's throttle. A sign-in with
//! one has a separate throttle, which other people's failures do not use up. The
//! token does not authenticate the user. It belongs to one account in one epoch:
//! a new password, a sign-out everywhere or the deletion of the account ends it.
//!
//! ```text
//! account = HMAC-SHA256(K_device, "csr/account" | created_at(8) | user id)[..8]
//! token   = "csd_" | base64url(kid | device(16) | epoch(4) | account |
//!           HMAC-SHA256(K_device, "csr/device" | device | epoch | account | user key)[..16])
//! ```

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::master_key::DerivedKeys;
use crate::user::{User, Username};
use crate::{Secret, ServerKeys, World};

const PREFIX: &str = "csd_";
const BODY: usize = 16 + 4 + 8;
const LENGTH: usize = 1 + BODY + 16;

/// A device from which a user has signed in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownDevice {
    id: [u8; 16],
    epoch: u32,
    account: [u8; 8],
}

impl KnownDevice {
    /// Makes the token of a new device.
    pub fn issue(user: &User, keys: &ServerKeys, world: &World) -> Secret<String> {
        let keys = keys.newest();
        let device = Self { id: world.random(), epoch: user.epoch, account: account(user, keys) };
        let mut bytes = [0; LENGTH];
        bytes[0] = keys.id();
        bytes[1..=BODY].copy_from_slice(&device.body());
        bytes[1 + BODY..].copy_from_slice(&device.tag(&user.username, keys));
        Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Parses a device token that this server issued to a user with this name. Reads no store: check the
    /// account with [`KnownDevice::is_of`].
    pub fn parse(text: &str, name: &Username, keys: &ServerKeys) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() == LENGTH / 3 * 4)?;
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()?;
        let device = Self {
            id: bytes[1..17].try_into().ok()?,
            epoch: u32::from_be_bytes(bytes[17..21].try_into().ok()?),
            account: bytes[21..29].try_into().ok()?,
        };
        let tag = device.tag(name, keys.get(bytes[0])?);
        verify_slices_are_equal(&bytes[1 + BODY..], &tag).ok().map(|()| device)
    }

    /// Whether the device belongs to this account and the account has had no new password and no sign-out
    /// everywhere since.
    pub fn is_of(&self, user: &User, keys: &ServerKeys) -> bool {
        self.epoch == user.epoch && keys.all().any(|keys| account(user, keys) == self.account)
    }

    fn body(&self) -> [u8; BODY] {
        let mut body = [0; BODY];
        body[..16].copy_from_slice(&self.id);
        body[16..20].copy_from_slice(&self.epoch.to_be_bytes());
        body[20..].copy_from_slice(&self.account);
        body
    }

    fn tag(&self, name: &Username, keys: &DerivedKeys) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&keys.device);
        context.update(b"csr/device");
        context.update(&self.body());
        context.update(name.key().as_bytes());
        context.sign().as_ref()[..16].try_into().expect("SHA-256 yields 32 bytes")
    }
}

/// Identifies an account, also among accounts that had the same name or the same id one after the other.
fn account(user: &User, keys: &DerivedKeys) -> [u8; 8] {
    let mut context = hmac::Context::with_key(&keys.device);
    context.update(b"csr/account");
    context.update(&user.created_at.seconds().to_be_bytes());
    context.update(user.id.as_str().as_bytes());
    context.sign().as_ref()[..8].try_into().expect("SHA-256 yields 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{server_keys, user, world};

    // E4
    #[test]
    fn a_device_belongs_to_one_account_in_one_epoch() {
        let john = user();
        let keys = server_keys(&[1]);
        let text = KnownDevice::issue(&john, &keys, &world());
        let parse = |name: &Username, keys: &ServerKeys| KnownDevice::parse(text.expose(), name, keys);
        let device = parse(&john.username, &server_keys(&[2, 1])).unwrap();
        assert!(device.is_of(&john, &server_keys(&[2, 1])));
        assert!(parse(&Username::parse("jane").unwrap(), &keys).is_none(), "another name");
        assert!(parse(&john.username, &server_keys(&[2])).is_none(), "another server");
        assert!(KnownDevice::parse("csd_", &john.username, &keys).is_none());
        let later = john.created_at.plus(std::time::Duration::from_secs(1));
        for other in [
            User { epoch: john.epoch + 1, ..john.clone() },
            User { id: "2".parse().unwrap(), ..john.clone() },
            User { created_at: later, ..john.clone() },
        ] {
            assert!(!device.is_of(&other, &keys), "{other:?}");
        }
    }
}
