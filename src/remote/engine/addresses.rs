//! Addresses that stay. ship-proxy sends requests to addresses, and after a reboot the engine would deal them out anew
//! in the order in which containers happen to start: so each container gets one of its own when it is made. The lower
//! half of the app's network is for these, the engine deals from the upper half (one-off containers).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The addresses of an app's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addresses {
    base: u32,
    /// Addresses in the lower half.
    size: u32,
    taken: BTreeSet<Ipv4Addr>,
}

/// How a network is divided: what the engine is told when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Division {
    /// `172.18.0.0/16`, as the engine chose it.
    pub(super) subnet: String,
    /// `172.18.128.0/17`: what the engine deals from.
    pub(super) range: String,
    /// `172.18.0.1`: said, because engines differ in which one they would take.
    pub(super) gateway: String,
}

impl Division {
    /// Halves a subnet; `None` for one that is too small or no IPv4 subnet.
    pub(super) fn of(subnet: &str) -> Option<Self> {
        let (base, length) = parse(subnet)?;
        let half = base + (1_u32 << (31 - length));
        Some(Self {
            subnet: subnet.to_owned(),
            range: format!("{}/{}", Ipv4Addr::from(half), length + 1),
            gateway: Ipv4Addr::from(base + 1).to_string(),
        })
    }
}

impl Addresses {
    /// The network that is divided so; `None` for one that somebody else made otherwise.
    pub(super) fn of(subnet: &str, range: &str) -> Option<Self> {
        let division = Division::of(subnet)?;
        let (base, length) = parse(subnet)?;
        (division.range == range).then(|| Self { base, size: 1 << (31 - length), taken: BTreeSet::new() })
    }

    /// An address that a container has, running or not.
    pub(super) fn take(&mut self, address: Ipv4Addr) {
        self.taken.insert(address);
    }

    /// The lowest one that is free. The network's own and the first one, which is the gateway's, never are.
    pub(super) fn next(&mut self) -> Option<Ipv4Addr> {
        let free =
            (2..self.size).map(|offset| Ipv4Addr::from(self.base + offset)).find(|it| !self.taken.contains(it))?;
        self.taken.insert(free);
        Some(free)
    }
}

/// Base and prefix length of a subnet with room for two halves worth having.
fn parse(subnet: &str) -> Option<(u32, u32)> {
    let (address, length) = subnet.split_once('/')?;
    let (address, length) = (address.parse::<Ipv4Addr>().ok()?, length.parse::<u32>().ok()?);
    (8..=24).contains(&length).then(|| (u32::from(address) & (u32::MAX << (32 - length)), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_halved() {
        let division = Division::of("172.18.0.0/16").unwrap();
        assert_eq!((division.range.as_str(), division.gateway.as_str()), ("172.18.128.0/17", "172.18.0.1"));
        assert_eq!(Division::of("192.168.16.0/20").unwrap().range, "192.168.24.0/21");
        assert_eq!(Division::of("fd00::/64"), None);
        assert_eq!(Division::of("10.0.0.0/30"), None);
    }

    #[test]
    fn addresses_are_given_once() {
        let mut addresses = Addresses::of("172.18.0.0/16", "172.18.128.0/17").unwrap();
        addresses.take("172.18.0.2".parse().unwrap());
        addresses.take("172.18.0.4".parse().unwrap());
        let given: Vec<String> = (0..3).map(|_| addresses.next().unwrap().to_string()).collect();
        assert_eq!(given, ["172.18.0.3", "172.18.0.5", "172.18.0.6"]);
        assert_eq!(Addresses::of("172.18.0.0/16", "172.18.0.0/24"), None);
    }

    #[test]
    fn a_full_half_gives_nothing() {
        let mut addresses = Addresses::of("10.9.8.0/24", "10.9.8.128/25").unwrap();
        assert_eq!((0..200).map_while(|_| addresses.next()).count(), 126);
    }
}
