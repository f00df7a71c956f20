//! Bounded slots, shared fairly between addresses.
//!
//! A connection or a follower of a stream holds a slot for as long as it is open. Each address has a fixed maximum and
//! may also hold at most a share of the free slots. So the fewer slots are free, the fewer one address may hold. An
//! address that holds no slot may always take one if any is free, so greedy addresses do not block new ones.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client_network::network_of;

/// The divisor for slots that are held for long: one address may hold an eighth of the free slots.
pub const SHARE: usize = 8;

/// A set of slots. Clones share it.
#[derive(Debug, Clone)]
pub struct Slots {
    capacity: usize,
    max_per_address: usize,
    share: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    by_network: HashMap<IpAddr, usize>,
    total: usize,
}

/// A taken slot. Dropping it frees the slot.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    network: Option<IpAddr>,
}

impl Slots {
    /// Creates `capacity` slots. One address (IPv6: one /64) may hold at most `max_per_address` slots, and at most one
    /// in `share` of the free ones.
    pub fn new(capacity: usize, max_per_address: usize, share: usize) -> Self {
        Self { capacity, max_per_address, share, taken: Arc::default() }
    }

    /// Takes a slot. `None` if no slot is free, or if this address holds its share.
    pub fn take(&self, address: IpAddr) -> Option<Slot> {
        let network = network_of(address);
        let mut taken = self.taken();
        let free = self.capacity.checked_sub(taken.total).filter(|free| *free > 0)?;
        let held = taken.by_network.get(&network).copied().unwrap_or_default();
        if held > 0 && held >= self.max_per_address.min(free / self.share) {
            return None;
        }
        taken.by_network.insert(network, held + 1);
        taken.total += 1;
        Some(Slot { slots: self.clone(), network: Some(network) })
    }

    /// Takes a slot without a limit per address, for example for a trusted proxy. `None` if no slot is free.
    pub fn take_unshared(&self) -> Option<Slot> {
        let mut taken = self.taken();
        if taken.total >= self.capacity {
            return None;
        }
        taken.total += 1;
        Some(Slot { slots: self.clone(), network: None })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.total -= 1;
        let Some(network) = self.network else { return };
        if let Some(held) = taken.by_network.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([192, 0, high, low])
    }

    #[test]
    fn one_address_cannot_take_all_slots() {
        let slots = Slots::new(1024, 64, SHARE);
        let mut held: Vec<_> = (0..64).map(|_| slots.take(address(1)).unwrap()).collect();
        assert!(slots.take(address(1)).is_none());
        assert!(slots.take(address(2)).is_some());
        held.pop();
        assert!(slots.take(address(1)).is_some());
        drop(held);
        let taken = slots.taken();
        assert!(taken.by_network.is_empty() && taken.total == 0, "addresses without slots are removed");
    }

    #[test]
    fn an_ipv6_64_counts_as_one_address() {
        let slots = Slots::new(1024, 64, SHARE);
        let host = |number: u16| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, number]);
        let held: Vec<_> = (0..1000).map_while(|number| slots.take(host(number))).collect();
        assert_eq!(held.len(), 64);
        assert!(slots.take(IpAddr::from([0x2001, 0xdb8, 0, 8, 0, 0, 0, 1])).is_some());
    }

    #[test]
    fn a_new_address_gets_a_slot_while_others_take_all_they_can() {
        let slots = Slots::new(1024, 64, SHARE);
        let mut held = Vec::new();
        for _ in 0..64 {
            held.extend((0..512).filter_map(|number| slots.take(address(number))));
        }
        let new: Vec<_> = (1000..2000).map_while(|number| slots.take(address(number))).collect();
        assert_eq!(new.len(), 15);
        assert!(slots.take(address(3000)).is_none(), "all slots are taken");
        assert!(slots.take_unshared().is_none());
        assert!(!slots.taken().by_network.contains_key(&address(3000)));
    }
}
