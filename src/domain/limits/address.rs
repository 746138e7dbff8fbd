//! Addresses as limits count them, and the networks that proxies are in.
//!
//! Must not know: headers. `core::net` has addresses only, nothing that could reach a network.

use core::net::{IpAddr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Serialize};

/// Bits of an IPv6 address that name its subscriber: hosts choose the rest themselves (RFC 4291 §2.5.4, RFC 8981).
const SUBSCRIBER: u8 = 64;

/// Where a request came from: an IPv4 address, or the /64 network of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientAddress(IpNet);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpNet::from(IpAddr::V4(v4))),
            IpAddr::V6(v6) => Self(IpNet::V6(subscriber(v6))),
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpNet::V4(v4) => write!(f, "{}", v4.addr()),
            IpNet::V6(v6) => write!(f, "{v6}"),
        }
    }
}

fn subscriber(address: Ipv6Addr) -> Ipv6Net {
    let net = Ipv6Net::new(address, SUBSCRIBER).expect("64 is a length of IPv6 prefixes");
    net.trunc()
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write it like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7")]
pub struct BadNetwork(String);

/// Some networks, by their prefixes (RFC 4632).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Networks from their texts. An address alone is a network of one.
    pub fn parse(texts: &[String]) -> Result<Self, BadNetwork> {
        let one = |text: &String| {
            let net = IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from));
            net.map_err(|_| BadNetwork(text.chars().take(60).collect()))
        };
        texts.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> String {
        let address: IpAddr = text.parse().expect("an address");
        ClientAddress::from(address).to_string()
    }

    #[test]
    fn subscribers_are_counted_not_their_hosts() {
        for (address, counted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
        ] {
            assert_eq!(client(address), counted, "{address}");
        }
    }

    #[test]
    fn networks_hold_their_addresses() {
        let texts = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].map(str::to_owned);
        let networks = Networks::parse(&texts).expect("networks");
        for (address, inside) in [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(networks.contain(address), inside, "{address}");
        }
        assert!(!Networks::default().contain(IpAddr::from([127, 0, 0, 1])));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0",
            "example.com",
            "10.0.0.0/8,::/0",
        ] {
            let said = Networks::parse(&[bad.to_owned()]).expect_err(bad);
            assert!(said.to_string().contains("is no network"), "{said}");
        }
    }
}
