//! Which addresses count as one client for every limit: attempts, connections, follower slots and password hashes.

use std::net::{IpAddr, Ipv6Addr};

/// The part of an address that every limit counts: an IPv4 address, or the /64 of an IPv6 address, because one
/// customer usually has a whole /64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}
