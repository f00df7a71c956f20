//! Rate limits, above all on failed passwords: for each address, each account and each known device.
//!
//! Every route that accepts a password takes an attempt here before it verifies the password, and gives the attempt
//! back if the password was correct. So only failures count (NIST SP 800-63B-4 §3.2.2).
//!
//! All unknown devices share one limiter for each account. A device from which the owner has signed in has a separate
//! limiter, so that an attacker cannot lock the owner out, even from the same address. All known devices of an account
//! also share a limiter, so that many device tokens do not allow many guesses.
//!
//! Many people of one office can share an address. When the address has no attempts left, each account still has
//! `PAIR_BURST` attempts from it, up to the reserve of the address, which is `RESERVE` times `address_burst`. So one
//! address has at most 1 + `RESERVE` times `address_burst` failures at once and two in each `address_refill`, over
//! all accounts.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use countersign_core::device::KnownDevice;
use countersign_core::ratchet::Generation;
use countersign_core::user::Username;
use countersign_core::{SessionId, World};

use super::client_network::network_of;
use super::gcra::{Allowance, Limiter};
use crate::visitor::Visitor;

/// Attempts for one account from an address that has no attempts left. Three allow for two typing errors.
const PAIR_BURST: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

/// The reserve of an address, as a multiple of its burst.
const RESERVE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// The configured limits.
#[derive(Debug, Clone, Copy)]
pub struct Allowances {
    /// Failed passwords from one address (IPv6: one /64); also sign-ups from it.
    pub address: Allowance,
    /// Failed passwords for one account from unknown devices.
    pub account: Allowance,
    /// Failed passwords for one account from one known device.
    pub device: Allowance,
    /// Replays of one spent refresh token within the grace.
    pub replay: Allowance,
    /// Refreshes of one session.
    pub session: Allowance,
}

/// The limiters of one process.
pub struct Throttle {
    address: Limiter<IpAddr>,
    /// All attempts from one address that has no attempts left in `address`.
    reserve: Limiter<IpAddr>,
    /// The attempts of `reserve` for one account.
    pair: Limiter<(IpAddr, String)>,
    sign_up: Limiter<IpAddr>,
    account: Limiter<String>,
    device: Limiter<KnownDevice>,
    /// All known devices of one account.
    account_devices: Limiter<String>,
    replay: Limiter<(SessionId, Generation)>,
    session: Limiter<SessionId>,
    world: World,
}

/// An attempt at a password that was taken. Dropping it counts as a failure.
#[must_use = "give the attempt back unless the password was wrong"]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    taken_from: TakenFrom,
}

enum TakenFrom {
    UnknownDevice { account: String, address: Option<(IpAddr, AddressBudget)> },
    KnownDevice { account: String, device: KnownDevice },
}

/// Which limiters of an address an attempt was taken from.
#[derive(Debug, Clone, Copy)]
enum AddressBudget {
    /// `address`.
    Burst,
    /// `reserve` and `pair`.
    Reserve,
}

impl Throttle {
    /// Creates limiters that have all their attempts.
    pub fn new(allowances: Allowances, world: World) -> Self {
        let reserve = Allowance {
            burst: allowances.address.burst.saturating_mul(RESERVE),
            refill: allowances.address.refill,
        };
        let pair = Allowance { burst: PAIR_BURST, refill: allowances.account.refill };
        Self {
            address: Limiter::new(allowances.address),
            reserve: Limiter::new(reserve),
            pair: Limiter::new(pair),
            sign_up: Limiter::new(allowances.address),
            account: Limiter::new(allowances.account),
            device: Limiter::new(allowances.device),
            account_devices: Limiter::new(allowances.account),
            replay: Limiter::new(allowances.replay),
            session: Limiter::new(allowances.session),
            world,
        }
    }

    /// Takes one attempt at a password. `device` is `None` unless the account knows the device.
    ///
    /// # Errors
    ///
    /// If no attempt is left: the time until the next one is available.
    pub fn take(
        &self,
        username: Option<&Username>,
        device: Option<KnownDevice>,
        visitor: &Visitor,
    ) -> Result<Attempt<'_>, Duration> {
        let now = self.world.monotonic_millis();
        let account = username.map_or("", Username::key).to_owned();
        if let Some(device) = device {
            self.device.take(device, now)?;
            // A refusal because of the account's other devices does not count against this device.
            self.account_devices
                .take(account.clone(), now)
                .inspect_err(|_| self.device.give_back(&device))?;
            return Ok(Attempt { throttle: self, taken_from: TakenFrom::KnownDevice { account, device } });
        }
        self.account.take(account.clone(), now)?;
        let address = visitor.presence.address.map(network_of);
        let budget = address.map(|address| self.take_from(address, &account, now)).transpose();
        // A refusal because of the address does not count against the account.
        let budget = budget.inspect_err(|_| self.account.give_back(&account))?;
        let address = address.zip(budget);
        Ok(Attempt { throttle: self, taken_from: TakenFrom::UnknownDevice { account, address } })
    }

    /// Takes one attempt from an address: from its burst, or else from its reserve.
    fn take_from(&self, address: IpAddr, account: &str, now: u64) -> Result<AddressBudget, Duration> {
        let Err(wait) = self.address.take(address, now) else { return Ok(AddressBudget::Burst) };
        let pair = (address, account.to_owned());
        let taken = self
            .pair
            .take(pair.clone(), now)
            .and_then(|()| self.reserve.take(address, now).inspect_err(|_| self.pair.give_back(&pair)));
        taken.map(|()| AddressBudget::Reserve).map_err(|longer| wait.min(longer))
    }

    /// Takes one sign-up from the address of the client.
    ///
    /// # Errors
    ///
    /// If no sign-up is left: the time until the next one is available.
    pub fn take_sign_up(&self, visitor: &Visitor) -> Result<(), Duration> {
        let address = visitor.presence.address.map(network_of);
        address.map_or(Ok(()), |address| self.sign_up.take(address, self.world.monotonic_millis()))
    }

    /// Takes one replay of a spent refresh token.
    ///
    /// # Errors
    ///
    /// If no replay is left: the time until the next one is available.
    pub fn take_replay(&self, session: SessionId, generation: Generation) -> Result<(), Duration> {
        self.replay.take((session, generation), self.world.monotonic_millis())
    }

    /// Takes one refresh of a session.
    ///
    /// # Errors
    ///
    /// If no refresh is left: the time until the next one is available.
    pub fn take_refresh(&self, session: SessionId) -> Result<(), Duration> {
        self.session.take(session, self.world.monotonic_millis())
    }

    /// Gives back a refresh that was rejected, so that only valid tokens use up the refreshes of the session.
    pub fn give_back_refresh(&self, session: SessionId) {
        self.session.give_back(&session);
    }

    /// Removes the keys that have all their attempts.
    pub fn sweep(&self) {
        let now = self.world.monotonic_millis();
        for limiter in [&self.address, &self.reserve, &self.sign_up] {
            limiter.sweep(now);
        }
        self.pair.sweep(now);
        for limiter in [&self.account, &self.account_devices] {
            limiter.sweep(now);
        }
        self.device.sweep(now);
        self.replay.sweep(now);
        self.session.sweep(now);
    }
}

impl Attempt<'_> {
    /// Gives the attempt back, as if it had not been taken.
    pub fn give_back(self) {
        let throttle = self.throttle;
        match &self.taken_from {
            TakenFrom::KnownDevice { account, device } => {
                throttle.device.give_back(device);
                throttle.account_devices.give_back(account);
            }
            TakenFrom::UnknownDevice { account, address } => {
                throttle.account.give_back(account);
                match address {
                    Some((address, AddressBudget::Burst)) => throttle.address.give_back(address),
                    Some((address, AddressBudget::Reserve)) => {
                        throttle.pair.give_back(&(*address, account.clone()));
                        throttle.reserve.give_back(address);
                    }
                    None => {}
                }
            }
        }
    }
}
