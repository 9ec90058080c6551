//! Which addresses may be connected to. A registry, and whoever writes an image's name, must not
//! turn the fetcher into a way to what only the node reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How near an address may lie; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reach {
    /// Addresses of the open network.
    Public,
    /// Those of an organisation's own networks too.
    Private,
    /// This machine too.
    Loopback,
}

/// Where clouds answer with credentials, besides 169.254.0.0/16.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

impl Reach {
    /// What it takes to connect to `address`; nothing is enough for some.
    pub(super) fn needed(address: IpAddr) -> Option<Self> {
        let address = embedded(address);
        if METADATA.contains(&address) {
            return None;
        }
        match address {
            IpAddr::V4(v4) => needed_v4(v4),
            IpAddr::V6(v6) => needed_v6(v6),
        }
    }

    /// Whether it is enough to connect to `address`.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        Reach::needed(address).is_some_and(|needed| needed <= self)
    }
}

/// The IPv4 address that an IPv6 address stands for, where it does.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // Mapped, the elder compatible form, translated by NAT64, and 6to4.
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => v4(g, h),
        [0, 0, 0, 0, 0, 0] if g != 0 => v4(g, h),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

fn needed_v4(address: Ipv4Addr) -> Option<Reach> {
    let [a, b, ..] = address.octets();
    match (a, b) {
        (127, _) => Some(Reach::Loopback),
        (10, _) | (172, 16..=31) | (192, 168) | (100, 64..=127) | (198, 18..=19) => Some(Reach::Private),
        (0, _) | (169, 254) | (224..=255, _) => None,
        _ => Some(Reach::Public),
    }
}

fn needed_v6(address: Ipv6Addr) -> Option<Reach> {
    if address.is_loopback() {
        return Some(Reach::Loopback);
    }
    let [first, ..] = address.segments();
    match first {
        0xfc00..=0xfdff => Some(Reach::Private),
        // Link-local, site-local, multicast, and the unspecified address.
        0xfe80..=0xffff => None,
        _ if address.is_unspecified() => None,
        _ => Some(Reach::Public),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_each_kind_needs_its_reach() {
        for (address, needed) in [
            ("8.8.8.8", Some(Reach::Public)),
            ("2606:4700::1", Some(Reach::Public)),
            ("10.0.0.1", Some(Reach::Private)),
            ("172.15.0.1", Some(Reach::Public)),
            ("172.16.0.1", Some(Reach::Private)),
            ("172.32.0.1", Some(Reach::Public)),
            ("192.168.1.1", Some(Reach::Private)),
            ("100.64.0.1", Some(Reach::Private)),
            ("fd12::1", Some(Reach::Private)),
            ("127.0.0.1", Some(Reach::Loopback)),
            ("127.9.9.9", Some(Reach::Loopback)),
            ("::1", Some(Reach::Loopback)),
            ("::ffff:127.0.0.1", Some(Reach::Loopback)),
            ("::ffff:10.0.0.1", Some(Reach::Private)),
            ("::127.0.0.1", Some(Reach::Loopback)),
            ("64:ff9b::a9fe:a9fe", None),
            ("2002:a9fe:a9fe::1", None),
            ("::ffff:169.254.169.254", None),
            ("169.254.169.254", None),
            ("100.100.100.200", None),
            ("192.0.0.192", None),
            ("fd00:ec2::254", None),
            ("fe80::1", None),
            ("fec0::1", None),
            ("0.0.0.0", None),
            ("0.1.2.3", None),
            ("::", None),
            ("224.0.0.1", None),
            ("255.255.255.255", None),
            ("ff02::1", None),
        ] {
            assert_eq!(Reach::needed(address.parse().unwrap()), needed, "{address}");
        }
    }

    #[test]
    fn reach_includes_what_lies_farther() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(Reach::Loopback.allows(address("8.8.8.8")) && Reach::Loopback.allows(address("10.0.0.1")));
        assert!(!Reach::Private.allows(address("127.0.0.1")) && !Reach::Public.allows(address("10.0.0.1")));
        assert!(!Reach::Loopback.allows(address("169.254.169.254")));
    }
}
