//! A bounded number of slots, of which one address cannot take all.
//!
//! Connections and followers of a stream each hold a slot for as long as they
//! like. One address may have so many and no more, and the fewer slots are free,
//! the fewer it may have: at most a share of the free ones. The last slots go
//! to addresses that have none, so a newcomer finds one while others are greedy.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::throttle::network_of;

/// The share of those who hold a slot for long: one in eight of the free slots.
pub const SHARE: usize = 8;

/// Slots, and who holds them. Every clone is the same.
#[derive(Debug, Clone)]
pub struct Slots {
    most: usize,
    most_of_address: usize,
    share: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    by_network: HashMap<IpAddr, usize>,
    together: usize,
}

/// A slot that was taken; it is free again when this is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    network: Option<IpAddr>,
}

impl Slots {
    /// So many slots, and so many of one address (IPv6: one /64), of which it may hold one in `share` of the free ones.
    pub fn new(most: usize, most_of_address: usize, share: usize) -> Self {
        Self { most, most_of_address, share, taken: Arc::default() }
    }

    /// Takes a slot. `None`: there is none, or this address has its share.
    pub fn take(&self, address: IpAddr) -> Option<Slot> {
        let network = network_of(address);
        let mut taken = self.taken();
        let free = self.most.checked_sub(taken.together).filter(|free| *free > 0)?;
        let theirs = taken.by_network.get(&network).copied().unwrap_or_default();
        if theirs > 0 && theirs >= self.most_of_address.min(free / self.share) {
            return None;
        }
        taken.by_network.insert(network, theirs + 1);
        taken.together += 1;
        Some(Slot { slots: self.clone(), network: Some(network) })
    }

    /// Takes a slot for whom only the bound of all counts, such as a trusted proxy.
    pub fn take_unshared(&self) -> Option<Slot> {
        let mut taken = self.taken();
        if taken.together >= self.most {
            return None;
        }
        taken.together += 1;
        Some(Slot { slots: self.clone(), network: None })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.together -= 1;
        let Some(network) = self.network else { return };
        if let Some(theirs) = taken.by_network.get_mut(&network) {
            *theirs -= 1;
            if *theirs == 0 {
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
    fn one_address_cannot_take_the_places_of_others() {
        let slots = Slots::new(1024, 64, SHARE);
        let mut held: Vec<_> = (0..64).map(|_| slots.take(address(1)).unwrap()).collect();
        assert!(slots.take(address(1)).is_none());
        assert!(slots.take(address(2)).is_some());
        held.pop();
        assert!(slots.take(address(1)).is_some());
        drop(held);
        let taken = slots.taken();
        assert!(taken.by_network.is_empty() && taken.together == 0, "nothing is remembered of who is gone");
    }

    #[test]
    fn an_address_is_a_whole_ipv6_network() {
        let slots = Slots::new(1024, 64, SHARE);
        let host = |number: u16| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, number]);
        let held: Vec<_> = (0..1000).map_while(|number| slots.take(host(number))).collect();
        assert_eq!(held.len(), 64);
        assert!(slots.take(IpAddr::from([0x2001, 0xdb8, 0, 8, 0, 0, 0, 1])).is_some());
    }

    #[test]
    fn a_newcomer_finds_a_place_while_others_take_all_they_can() {
        let slots = Slots::new(1024, 64, SHARE);
        let mut held = Vec::new();
        for _ in 0..64 {
            held.extend((0..512).filter_map(|number| slots.take(address(number))));
        }
        let newcomers: Vec<_> = (1000..2000).map_while(|number| slots.take(address(number))).collect();
        assert_eq!(newcomers.len(), 15);
        assert!(slots.take(address(3000)).is_none(), "there is a bound for all");
        assert!(slots.take_unshared().is_none());
        assert!(!slots.taken().by_network.contains_key(&address(3000)));
    }
}
