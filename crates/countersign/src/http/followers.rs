//! Places for those who follow a stream: each holds a connection for as long as it likes.
//!
//! There is a bound for all and one for each address, so that a stranger who takes every place that one address may
//! have takes none from anybody else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Followers at one time.
const MAX: usize = 1024;

/// Of one address.
const MAX_OF_ADDRESS: usize = 64;

/// Who follows, by address.
#[derive(Debug, Default, Clone)]
pub struct Followers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place that was taken; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    followers: Followers,
    address: IpAddr,
}

impl Followers {
    /// Takes a place. `None`: there are too many, of this address or altogether.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken();
        let is_full = taken.values().sum::<usize>() >= MAX;
        let theirs = taken.entry(address).or_default();
        if is_full || *theirs >= MAX_OF_ADDRESS {
            if *theirs == 0 {
                taken.remove(&address);
            }
            return None;
        }
        *theirs += 1;
        Some(Place { followers: self.clone(), address })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.followers.taken();
        if let Some(theirs) = taken.get_mut(&self.address) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn one_address_cannot_take_the_places_of_others() {
        let followers = Followers::default();
        let mut places: Vec<_> = (0..MAX_OF_ADDRESS).map(|_| followers.take(address(1)).unwrap()).collect();
        assert!(followers.take(address(1)).is_none());
        assert!(followers.take(address(2)).is_some());
        places.pop();
        assert!(followers.take(address(1)).is_some());
        drop(places);
        assert!(followers.taken().is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn there_is_a_bound_for_all() {
        let followers = Followers::default();
        let places: Vec<_> = (0..=255)
            .flat_map(|number| (0..MAX_OF_ADDRESS).map(move |_| number))
            .map_while(|number| followers.take(address(number)))
            .collect();
        assert_eq!(places.len(), MAX);
        assert!(followers.take(address(255)).is_none());
        assert!(!followers.taken().contains_key(&address(255)));
    }
}
