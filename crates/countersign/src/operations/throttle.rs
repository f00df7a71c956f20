//! Who may try how often: each address, each account, each known device.
//!
//! Guesses from strangers share the account's lane; a device from which its
//! owner has signed in has its own and no other, so that strangers cannot lock
//! the owner out, not even from the same address. Every door that takes a password goes through here. A try is taken
//! before the password is looked at and given back when it was right: only
//! failures count (NIST SP 800-63B-4 §3.2.2).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use countersign_core::device::KnownDevice;
use countersign_core::ratchet::Generation;
use countersign_core::user::Username;
use countersign_core::{ServerKeys, SessionId, World};

use super::gcra::{Allowance, Lane};
use crate::visitor::Visitor;

/// How often whom.
#[derive(Debug, Clone, Copy)]
pub struct Allowances {
    /// One address (IPv6: one /64).
    pub address: Allowance,
    /// One account, from devices that it does not know.
    pub account: Allowance,
    /// One account, from one device that it knows.
    pub device: Allowance,
    /// One spent refresh token in its grace.
    pub replay: Allowance,
}

/// The lanes.
pub struct Throttle {
    address: Lane<IpAddr>,
    account: Lane<String>,
    device: Lane<KnownDevice>,
    replay: Lane<(SessionId, Generation)>,
    world: World,
}

/// A try that was taken.
#[must_use = "a try that was no failed guess is given back"]
pub struct Try<'a> {
    throttle: &'a Throttle,
    who: Who,
}

enum Who {
    Stranger { account: String, address: Option<IpAddr> },
    Device(KnownDevice),
}

impl Throttle {
    /// Empty lanes.
    pub fn new(allowances: Allowances, world: World) -> Self {
        Self {
            address: Lane::new(allowances.address),
            account: Lane::new(allowances.account),
            device: Lane::new(allowances.device),
            replay: Lane::new(allowances.replay),
            world,
        }
    }

    /// Takes one try at a password.
    ///
    /// # Errors
    ///
    /// The time until the next try may be made.
    pub fn take(
        &self,
        username: Option<&Username>,
        visitor: &Visitor,
        keys: &ServerKeys,
    ) -> Result<Try<'_>, Duration> {
        let now = self.world.now_millis();
        let device = username.zip(visitor.device_token.as_deref());
        if let Some(device) = device.and_then(|(name, text)| KnownDevice::parse(text, name, keys)) {
            self.device.take(device, now)?;
            return Ok(Try { throttle: self, who: Who::Device(device) });
        }
        let address = visitor.presence.address.map(network_of);
        if let Some(address) = address {
            self.address.take(address, now)?;
        }
        let account = username.map_or("", Username::key).to_owned();
        self.account.take(account.clone(), now)?;
        Ok(Try { throttle: self, who: Who::Stranger { account, address } })
    }

    /// Takes one try of a stranger at something else than a password, such as signing up.
    ///
    /// # Errors
    ///
    /// The time until the next try may be made.
    pub fn take_for_address(&self, visitor: &Visitor) -> Result<(), Duration> {
        let address = visitor.presence.address.map(network_of);
        address.map_or(Ok(()), |address| self.address.take(address, self.world.now_millis()))
    }

    /// Takes one replay of a spent refresh token.
    ///
    /// # Errors
    ///
    /// The time until it may be presented again.
    pub fn take_replay(&self, session: SessionId, generation: Generation) -> Result<(), Duration> {
        self.replay.take((session, generation), self.world.now_millis())
    }

    /// Forgets whoever has all tries back.
    pub fn sweep(&self) {
        let now = self.world.now_millis();
        self.address.sweep(now);
        self.account.sweep(now);
        self.device.sweep(now);
        self.replay.sweep(now);
    }
}

impl Try<'_> {
    /// It was no failed guess: the try was never taken.
    pub fn give_back(self) {
        match &self.who {
            Who::Device(device) => self.throttle.device.give_back(device),
            Who::Stranger { account, address } => {
                self.throttle.account.give_back(account);
                if let Some(address) = address {
                    self.throttle.address.give_back(address);
                }
            }
        }
    }
}

/// Whoever has one IPv6 address usually has its whole /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}
