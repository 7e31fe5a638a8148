//! Gives every pod an address that no other pod of the run ever had.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

/// Pods per /24: the addresses .1 to .250.
const PER_NETWORK: u16 = 250;
/// The networks 10.244.0.0/24 to 10.244.239.0/24 are for pods.
const NETWORKS: u16 = 240;

/// Counts up through several /24s; 60 000 pods are more than a run starts.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    given: AtomicU16,
}

impl Addresses {
    pub(super) fn next(&self) -> Ipv4Addr {
        let number = self.given.fetch_add(1, Ordering::Relaxed) % (NETWORKS * PER_NETWORK);
        let [_, network] = (number / PER_NETWORK).to_be_bytes();
        let [_, host] = (number % PER_NETWORK + 1).to_be_bytes();
        Ipv4Addr::new(10, 244, network, host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_251st_pod_gets_an_address_of_the_next_network() {
        let addresses = Addresses::default();
        let given: Vec<Ipv4Addr> = (0..251).map(|_| addresses.next()).collect();
        assert_eq!(given[0], Ipv4Addr::new(10, 244, 0, 1));
        assert_eq!(given[249], Ipv4Addr::new(10, 244, 0, 250));
        assert_eq!(given[250], Ipv4Addr::new(10, 244, 1, 1));
    }
}
