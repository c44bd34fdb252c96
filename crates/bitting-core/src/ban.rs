//! Whoever presents invalid keys again and again is refused for a while.
//!
//! Here is what an API asks of that ([`BanPolicy`]), who counts as one client ([`ClientNetwork`]), and how failures are counted
//! ([`Failures`]). Who is banned at the moment is for the running engine to know, which asks it of every request.

mod failures;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use crate::address::AddressList;
use crate::reason::Reason;
use crate::time::Timestamp;

pub use failures::Failures;

/// When an API bans somebody, and whom never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanPolicy {
    /// So many invalid keys, at least one…
    pub after: u32,
    /// …within this time, of at most [a day](Self::LONGEST_WINDOW)…
    pub within: Duration,
    /// …and nothing is answered for this long.
    pub lasting: Duration,
    /// Who is never banned.
    pub exempt: AddressList,
    /// Whether loopback, private and link-local addresses can be banned: mostly they are a proxy, or somebody's own machine.
    pub covers_private: bool,
    /// Whether a peer can be banned that says for whom it forwards and that nobody declared as a proxy. If it is one, a ban would
    /// hit all who come through it; if nobody is, whoever wants to be spared only has to say so.
    pub covers_undeclared_proxies: bool,
}

/// Whoever is counted and banned as one: an IPv4 address, or the /64 of IPv6 addresses, since that is what one customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientNetwork {
    /// One address.
    V4(Ipv4Addr),
    /// The upper 64 bits.
    V6(u64),
}

/// A text that is neither an address nor the /64 of IPv6 addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address such as \"192.0.2.7\" nor a network such as \"2001:db8:1:2::/64\"")]
pub struct InvalidClientNetwork(Box<str>);

/// A ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Who is banned.
    pub network: ClientNetwork,
    /// Since when.
    pub since: Timestamp,
    /// Until when; then they are free.
    pub until: Timestamp,
    /// How many invalid keys it took.
    pub failures: u32,
}

impl BanPolicy {
    /// The longest time in which failures can be counted.
    pub const LONGEST_WINDOW: Duration = Duration::from_hours(24);

    /// Whether a refusal counts: only one for a key that somebody made up, spoiled, or goes on using after it was revoked. A key that
    /// was forgotten or is another API's is an oversight, and one that has expired or is switched off may be good again.
    pub fn counts(reason: Reason) -> bool {
        matches!(reason, Reason::MalformedKey | Reason::UnknownKey | Reason::RevokedKey)
    }

    /// Whether a client could be banned at all.
    pub fn covers(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        (self.covers_private || !is_private(client)) && !self.exempt.contains(client)
    }

    /// The ban of a client who has failed too often just now.
    pub fn ban(&self, network: ClientNetwork, now: Timestamp) -> Ban {
        Ban { network, since: now, until: now.plus(self.lasting), failures: self.after }
    }
}

impl From<IpAddr> for ClientNetwork {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(u64::from_be_bytes(std::array::from_fn(|byte| address.octets()[byte]))),
        }
    }
}

/// As one number, since it is looked up for each request as long as somebody is banned.
impl Hash for ClientNetwork {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(match self {
            Self::V4(address) => u64::from(address.to_bits()),
            Self::V6(upper) => *upper,
        });
    }
}

impl FromStr for ClientNetwork {
    type Err = InvalidClientNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidClientNetwork> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        match text.parse::<IpNet>() {
            Ok(IpNet::V4(network)) if network.prefix_len() == 32 => Ok(Self::V4(network.addr())),
            Ok(IpNet::V6(network)) if network.prefix_len() == 64 => Ok(IpAddr::from(network.addr()).into()),
            _ => Err(InvalidClientNetwork(text.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => fmt::Display::fmt(address, f),
            Self::V6(upper) => write!(f, "{}/64", Ipv6Addr::from(u128::from(*upper) << 64)),
        }
    }
}

/// Addresses that no stranger has.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // Shared address space is behind a carrier's translation or inside a data centre (RFC 6598).
            let is_shared = address.octets()[0] == 100 && address.octets()[1] & 0xC0 == 64;
            let is_own = address.is_loopback() || address.is_private() || address.is_link_local();
            is_own || is_shared || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() || address.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_exempt_addresses_are_covered_by_no_ban() {
        let exempt = AddressList::parse(["203.0.113.0/24"]).unwrap();
        let (within, lasting) = (Duration::from_mins(1), Duration::from_mins(5));
        let strict = BanPolicy { after: 1, within, lasting, exempt, covers_private: false, covers_undeclared_proxies: false };
        for free in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.1",
            "::ffff:10.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "fd00::1",
            "fe80::1",
            "203.0.113.9",
        ] {
            assert!(!strict.covers(free.parse().unwrap()), "{free}");
        }
        for open in ["198.51.100.7", "100.63.0.1", "100.128.0.1", "2001:db8::1"] {
            assert!(strict.covers(open.parse().unwrap()), "{open}");
        }
        let lenient = BanPolicy { covers_private: true, ..strict };
        assert!(lenient.covers("127.0.0.1".parse().unwrap()) && !lenient.covers("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_client() {
        let network = |text: &str| ClientNetwork::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn a_client_is_read_from_an_address_or_from_what_is_written_of_it() {
        let read = |text: &str| text.parse::<ClientNetwork>().map(|network| network.to_string());
        for (text, written) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(written), "{text}");
        }
        for text in ["", "192.0.2.0/24", "2001:db8::/48", "somebody", "2001:db8:1:2::/128"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
