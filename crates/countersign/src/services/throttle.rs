//! Limits on failed passwords: for each address, each account and each known device.
//!
//! Guesses from unknown devices share the account's lane. A device from which the owner
//! has signed in has its own, so that others cannot lock the owner out, not even from the
//! same address. All known devices of an account share a budget above their lanes: many
//! device tokens do not mean many guesses. Every route that accepts a password goes
//! through here. A try is taken before the password is verified and given back when it
//! was right: only failures count (NIST SP 800-63B-4 §3.2.2). Sign-ups have lanes of
//! their own.
//!
//! An address may be an office. When its lane is empty, each account still has
//! `PAIR_BURST` tries from there. The address's reserve bounds these tries together: it
//! is `RESERVE` times the lane. So one address has at most 1 + `RESERVE` times
//! `address_burst` failures at once and two in each `address_refill`, on any accounts.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use countersign_core::device::KnownDevice;
use countersign_core::ratchet::Generation;
use countersign_core::user::Username;
use countersign_core::{SessionId, World};

use super::gcra::{Allowance, Lane};
use crate::visitor::Visitor;

/// Tries at one account from an address whose lane is empty: a password, and two misspelt ones.
const PAIR_BURST: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

/// How many times an address's own lane its reserve is.
const RESERVE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

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
    /// All tries from one address whose lane is empty.
    reserve: Lane<IpAddr>,
    /// Those of them at one account.
    pair: Lane<(IpAddr, String)>,
    /// Sign-ups from one address.
    sign_up: Lane<IpAddr>,
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
    Unknown { account: String, address: Option<(IpAddr, Lanes)> },
    /// One that it knows.
    Device { account: String, device: KnownDevice },
}

/// The lanes that a try from an address was taken from.
#[derive(Debug, Clone, Copy)]
enum Lanes {
    /// The address's own.
    Address,
    /// Its reserve, and that of address and account.
    Reserve,
}

impl Throttle {
    /// Empty lanes.
    pub fn new(allowances: Allowances, world: World) -> Self {
        let reserve = Allowance {
            burst: allowances.address.burst.saturating_mul(RESERVE),
            refill: allowances.address.refill,
        };
        let pair = Allowance { burst: PAIR_BURST, refill: allowances.account.refill };
        Self {
            address: Lane::new(allowances.address),
            reserve: Lane::new(reserve),
            pair: Lane::new(pair),
            sign_up: Lane::new(allowances.address),
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
        let now = self.world.monotonic_millis();
        let account = username.map_or("", Username::key).to_owned();
        if let Some(device) = device {
            self.device.take(device, now)?;
            // A try that is refused for others' sake costs the device nothing.
            self.account_devices
                .take(account.clone(), now)
                .inspect_err(|_| self.device.give_back(&device))?;
            return Ok(Try { throttle: self, who: Who::Device { account, device } });
        }
        self.account.take(account.clone(), now)?;
        let address = visitor.presence.address.map(network_of);
        let lanes = address.map(|address| self.take_from(address, &account, now)).transpose();
        // A try that is not made fails at nothing.
        let lanes = lanes.inspect_err(|_| self.account.give_back(&account))?;
        Ok(Try { throttle: self, who: Who::Unknown { account, address: address.zip(lanes) } })
    }

    /// Takes one try from an address: of its own lane, or else of its reserve.
    fn take_from(&self, address: IpAddr, account: &str, now: u64) -> Result<Lanes, Duration> {
        let Err(wait) = self.address.take(address, now) else { return Ok(Lanes::Address) };
        let pair = (address, account.to_owned());
        let taken = self
            .pair
            .take(pair.clone(), now)
            .and_then(|()| self.reserve.take(address, now).inspect_err(|_| self.pair.give_back(&pair)));
        taken.map(|()| Lanes::Reserve).map_err(|longer| wait.min(longer))
    }

    /// Takes one sign-up.
    ///
    /// # Errors
    ///
    /// The time until the next one may be made.
    pub fn take_sign_up(&self, visitor: &Visitor) -> Result<(), Duration> {
        let address = visitor.presence.address.map(network_of);
        address.map_or(Ok(()), |address| self.sign_up.take(address, self.world.monotonic_millis()))
    }

    /// Takes one replay of a spent refresh token.
    ///
    /// # Errors
    ///
    /// The time until it may be presented again.
    pub fn take_replay(&self, session: SessionId, generation: Generation) -> Result<(), Duration> {
        self.replay.take((session, generation), self.world.monotonic_millis())
    }

    /// Takes one refresh of a session.
    ///
    /// # Errors
    ///
    /// The time until the session may be refreshed again.
    pub fn take_refresh(&self, session: SessionId) -> Result<(), Duration> {
        self.session.take(session, self.world.monotonic_millis())
    }

    /// Gives back a refresh that was refused: only the session's own holder uses up its budget.
    pub fn give_back_refresh(&self, session: SessionId) {
        self.session.give_back(&session);
    }

    /// Forgets every key that has all its tries back.
    pub fn sweep(&self) {
        let now = self.world.monotonic_millis();
        for lane in [&self.address, &self.reserve, &self.sign_up] {
            lane.sweep(now);
        }
        self.pair.sweep(now);
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
                match address {
                    Some((address, Lanes::Address)) => throttle.address.give_back(address),
                    Some((address, Lanes::Reserve)) => {
                        throttle.pair.give_back(&(*address, account.clone()));
                        throttle.reserve.give_back(address);
                    }
                    None => {}
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
