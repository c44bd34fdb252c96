//! Where messages may go.
//!
//! Whoever registers an endpoint chooses where Bitting connects to, from inside of its network. So nothing is sent to an address
//! that is not on the public Internet, unless the configuration says so. The address is checked that is connected to, at that
//! moment: a name that was harmless when it was registered may lead elsewhere now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::url::{WebhookHost, WebhookUrl};
use crate::address::AddressList;

/// Where messages may go. By default to public addresses alone, over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destinations {
    /// Whether messages may go over plain HTTP.
    allow_http: bool,
    /// Networks that are allowed although they are not public.
    networks: AddressList,
    /// Names that are allowed although they are not public. Their addresses must be allowed all the same.
    names: Box<[Box<str>]>,
}

/// A text that is neither a network nor a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a network such as \"10.1.0.0/16\" nor a name such as \"hooks.internal\"")]
pub struct InvalidDestination(String);

/// Why nothing may be sent to a URL, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not over TLS.
    #[error("write a URL that begins with https://; http:// needs `allow_http = true` in [webhooks]")]
    Http,
    /// The name has a meaning only inside of a network.
    #[error("{0:?} is a private name; if messages shall go there, add it to `allow` in [webhooks]")]
    Name(Box<str>),
    /// The address is not a public one.
    #[error("{0} is {1}; if messages shall go there, add its network to `allow` in [webhooks]")]
    Address(IpAddr, UnfitAddress),
}

/// What an address is that is not on the public Internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitAddress {
    /// `0.0.0.0/8`, `::`.
    #[error("an unspecified address")]
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    #[error("a loopback address")]
    Loopback,
    /// RFC 1918, unique local addresses, `fec0::/10`.
    #[error("a private address")]
    Private,
    /// `169.254.0.0/16`, `fe80::/10`.
    #[error("a link-local address")]
    LinkLocal,
    /// Where clouds tell a machine its own secrets.
    #[error("a cloud's metadata address")]
    Metadata,
    /// `100.64.0.0/10` (RFC 6598).
    #[error("an address shared by a provider's customers")]
    Shared,
    /// `224.0.0.0/4`, `ff00::/8`.
    #[error("a multicast address")]
    Multicast,
    /// 6to4, Teredo, NAT64 and other addresses of IPv6 that lead to one of IPv4 that is not public, or cannot be known.
    #[error("an address that leads into another network")]
    Tunnel,
    /// Documentation, benchmarks, protocol assignments, broadcast, not assigned.
    #[error("a reserved address")]
    Reserved,
}

/// The last labels of names that have a meaning only inside of a network (RFC 6761, RFC 6762, ICANN's `.internal`, and what
/// routers and companies use).
const PRIVATE_ENDS: [&str; 10] =
    ["localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "localdomain", "home.arpa"];

impl Destinations {
    /// Everything public, and these networks and names besides.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn new<'t>(allow_http: bool, allowed: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidDestination> {
        let (mut networks, mut names) = (Vec::new(), Vec::new());
        for text in allowed {
            if AddressList::parse([text]).is_ok() {
                networks.push(text);
            } else {
                names.push(name(text).ok_or_else(|| InvalidDestination(text.chars().take(64).collect()))?);
            }
        }
        let networks = AddressList::parse(networks).unwrap_or_default();
        Ok(Self { allow_http, networks, names: names.into() })
    }

    /// Whether messages may be sent to a URL, as far as it tells by itself. A name's addresses are checked when they are known.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, url: &WebhookUrl) -> Result<(), Refused> {
        if !url.is_https() && !self.allow_http {
            return Err(Refused::Http);
        }
        match url.host() {
            WebhookHost::Address(address) => self.check_address(*address),
            WebhookHost::Name(name) if is_private(name) && !self.names.contains(name) => Err(Refused::Name(name.clone())),
            WebhookHost::Name(_) => Ok(()),
        }
    }

    /// Whether messages may be sent to an address, which must be the one that is connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        match unfit(address) {
            Some(what) if !self.networks.contains(address) => Err(Refused::Address(address, what)),
            _ => Ok(()),
        }
    }
}

/// A name as URLs have it; `None` if it is none.
fn name(text: &str) -> Option<Box<str>> {
    let url: WebhookUrl = format!("https://{text}/").parse().ok()?;
    let whole = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    match url.host() {
        WebhookHost::Name(name) if whole => Some(name.clone()),
        _ => None,
    }
}

fn is_private(name: &str) -> bool {
    let ends_with = |end: &&str| name.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || PRIVATE_ENDS.iter().any(ends_with)
}

/// What an address is, if it is not one on the public Internet (the IANA registries of special-purpose addresses).
pub fn unfit(address: IpAddr) -> Option<UnfitAddress> {
    match address.to_canonical() {
        IpAddr::V4(address) => unfit_v4(address),
        IpAddr::V6(address) => unfit_v6(address),
    }
}

fn unfit_v4(address: Ipv4Addr) -> Option<UnfitAddress> {
    Some(match address.octets() {
        [0, ..] => UnfitAddress::Unspecified,
        [127, ..] => UnfitAddress::Loopback,
        // Amazon's, Google's, Azure's and most others'; Alibaba's; Oracle's; Azure's second one, which is a public address.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => UnfitAddress::Metadata,
        [169, 254, ..] => UnfitAddress::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => UnfitAddress::Private,
        [100, 64..=127, ..] => UnfitAddress::Shared,
        [224..=239, ..] => UnfitAddress::Multicast,
        [192, 88, 99, _] => UnfitAddress::Tunnel,
        [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [240..=255, ..] => {
            UnfitAddress::Reserved
        }
        _ => return None,
    })
}

fn unfit_v6(address: Ipv6Addr) -> Option<UnfitAddress> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => UnfitAddress::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => UnfitAddress::Loopback,
        // Where there is only IPv6, the whole of IPv4 is reached so (RFC 6052): it is as fit as what it leads to.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            return unfit_v4(Ipv4Addr::new(a, b, c, d)).map(|_| UnfitAddress::Tunnel);
        }
        // NAT64 with a prefix of one's own, addresses of IPv4 as they once were written, 6to4, Teredo.
        [0x64, 0xff9b, ..] | [0, 0, 0, 0, 0, 0, _, _] | [0x2002, ..] | [0x2001, 0, ..] => UnfitAddress::Tunnel,
        // Amazon's.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => UnfitAddress::Metadata,
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => UnfitAddress::Private,
        [first, ..] if first & 0xffc0 == 0xfe80 => UnfitAddress::LinkLocal,
        [first, ..] if first & 0xff00 == 0xff00 => UnfitAddress::Multicast,
        // Protocol assignments, and what books and manuals use.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => UnfitAddress::Reserved,
        [0x3fff, second, ..] if second < 0x1000 => UnfitAddress::Reserved,
        // All that is assigned lies in 2000::/3.
        [first, ..] if first & 0xe000 != 0x2000 => UnfitAddress::Reserved,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
