//! Client addresses: whose they are, and which are allowed.

mod forwarded;
mod hops;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use forwarded::{Client, ForwardedHeader, is_forwarded};
pub use hops::{Forwards, Hop, vouched};

/// A list of networks. An IPv4 address that arrives mapped into IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct AddressList(Box<[IpNet]>);

/// A text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address such as \"192.0.2.7\" nor a network such as \"192.0.2.0/24\" or \"2001:db8::/48\"")]
pub struct InvalidNetwork(Box<str>);

impl AddressList {
    /// Reads addresses and networks, whose host bits are ignored.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidNetwork> {
        texts.into_iter().map(parse_network).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address lies in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether every address of another list lies in this one too, each of its networks in one network of this.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|theirs| self.0.iter().any(|own| own.contains(theirs)))
    }

    /// Whether there is no network, so that no address is contained.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The networks.
    pub fn networks(&self) -> &[IpNet] {
        &self.0
    }
}

impl From<AddressList> for Vec<String> {
    fn from(list: AddressList) -> Self {
        list.0.iter().map(ToString::to_string).collect()
    }
}

impl TryFrom<Vec<String>> for AddressList {
    type Error = InvalidNetwork;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidNetwork> {
        Self::parse(texts.iter().map(String::as_str))
    }
}

impl fmt::Display for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

fn parse_network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let network = IpNet::from_str(text).or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| canonical_network(&network)).map_err(|_| InvalidNetwork(text.chars().take(64).collect()))
}

/// Host bits cleared, and a network of mapped IPv4 addresses as the IPv4 network that it is.
fn canonical_network(network: &IpNet) -> IpNet {
    let network = network.trunc();
    match (network, network.addr().to_canonical()) {
        (IpNet::V6(v6), IpAddr::V4(v4)) => {
            v6.prefix_len().checked_sub(96).and_then(|bits| IpNet::new(IpAddr::V4(v4), bits).ok()).unwrap_or(network)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(list: &[&str], address: &str) -> bool {
        AddressList::parse(list.iter().copied()).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_found_in_its_network_in_either_spelling() {
        assert!(contains(&["192.0.2.0/24"], "192.0.2.77"));
        assert!(contains(&["192.0.2.77/24"], "192.0.2.1"));
        assert!(contains(&["192.0.2.7"], "::ffff:192.0.2.7"));
        assert!(contains(&["::ffff:192.0.2.0/120"], "192.0.2.200"));
        assert!(contains(&["2001:db8::/48"], "2001:db8:0:1::1"));
        assert!(!contains(&["192.0.2.0/24"], "192.0.3.1"));
        assert!(!contains(&["2001:db8::/48"], "192.0.2.1"));
        assert!(!contains(&[], "192.0.2.1"));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["", "192.0.2", "192.0.2.0/33", "example.com", "2001:db8::/129"] {
            assert_eq!(AddressList::parse([text]), Err(InvalidNetwork(text.into())));
        }
    }
}
