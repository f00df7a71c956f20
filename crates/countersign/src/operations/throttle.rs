//! Limits on failed passwords: for each address, each account and each known device.
//!
//! Guesses from unknown devices share the account's lane. A device from which the
//! owner has signed in has a lane of its own, so that others cannot lock the
//! owner out, not even from the same address. All known devices of an account
//! share a budget above their lanes: many device tokens do not mean many guesses.
//! Every route that accepts a password goes
//! through here. A try is taken before the password is verified and given back
//! when it was right: only failures count (NIST SP 800-63B-4 §3.2.2).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use countersign_core::device::KnownDevice;
use countersign_core::ratchet::Generation;
use countersign_core::user::Username;
use countersign_core::{SessionId, World};

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
    /// One session, for refreshes of any kind.
    pub session: Allowance,
}

/// The lanes.
pub struct Throttle {
    address: Lane<IpAddr>,
    account: Lane<String>,
    device: Lane<KnownDevice>,
    /// All known devices of one account.
    account_devices: Lane<String>,
    replay: Lane<(SessionId, Generation)>,
    session: Lane<SessionId>,
    world: World,
}

/// A try that was taken.
#[must_use = "a try that was no failed guess is given back"]
pub struct Try<'a> {
    throttle: &'a Throttle,
    who: Who,
}

enum Who {
    /// A device that the account does not know.
    Unknown { account: String, address: Option<IpAddr> },
    /// One that it knows.
    Device { account: String, device: KnownDevice },
}

impl Throttle {
    /// Empty lanes.
    pub fn new(allowances: Allowances, world: World) -> Self {
        Self {
            address: Lane::new(allowances.address),
            account: Lane::new(allowances.account),
            device: Lane::new(allowances.device),
            account_devices: Lane::new(allowances.account),
            replay: Lane::new(allowances.replay),
            session: Lane::new(allowances.session),
            world,
        }
    }

    /// Takes one try at a password, from a device that the account knows or from another one.
    ///
    /// # Errors
    ///
    /// The time until the next try may be made.
    pub fn take(
        &self,
        username: Option<&Username>,
        device: Option<KnownDevice>,
        visitor: &Visitor,
    ) -> Result<Try<'_>, Duration> {
        let now = self.world.now_millis();
        let account = username.map_or("", Username::key).to_owned();
        if let Some(device) = device {
            self.device.take(device, now)?;
            // A try that is refused for others' sake costs the device nothing.
            self.account_devices
                .take(account.clone(), now)
                .inspect_err(|_| self.device.give_back(&device))?;
            return Ok(Try { throttle: self, who: Who::Device { account, device } });
        }
        let address = visitor.presence.address.map(network_of);
        if let Some(address) = address {
            self.address.take(address, now)?;
        }
        self.account.take(account.clone(), now)?;
        Ok(Try { throttle: self, who: Who::Unknown { account, address } })
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

    /// Takes one refresh of a session.
    ///
    /// # Errors
    ///
    /// The time until the session may be refreshed again.
    pub fn take_refresh(&self, session: SessionId) -> Result<(), Duration> {
        self.session.take(session, self.world.now_millis())
    }

    /// Gives back a refresh that was refused: only the session's own holder uses up its budget.
    pub fn give_back_refresh(&self, session: SessionId) {
        self.session.give_back(&session);
    }

    /// Forgets every key that has all its tries back.
    pub fn sweep(&self) {
        let now = self.world.now_millis();
        self.address.sweep(now);
        for lane in [&self.account, &self.account_devices] {
            lane.sweep(now);
        }
        self.device.sweep(now);
        self.replay.sweep(now);
        self.session.sweep(now);
    }
}

impl Try<'_> {
    /// It was no failed guess: the try was never taken.
    pub fn give_back(self) {
        let throttle = self.throttle;
        match &self.who {
            Who::Device { account, device } => {
                throttle.device.give_back(device);
                throttle.account_devices.give_back(account);
            }
            Who::Unknown { account, address } => {
                throttle.account.give_back(account);
                if let Some(address) = address {
                    throttle.address.give_back(address);
                }
            }
        }
    }
}

/// What counts as one address for every limit: an IPv4 address, or an IPv6 /64, which one customer usually has whole.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}
