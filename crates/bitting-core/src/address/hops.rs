//! The proxies that a request came through, and how the next server is told of them.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};

use super::forwarded::{X_FORWARDED_FOR, parameter, parse_node};
use super::{AddressList, ForwardedHeader};

/// In which headers the upstream is told for whom a request is forwarded. Never in one that somebody else has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwards {
    /// `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`, which most servers read.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// All of them; they say the same.
    Both,
}

/// One who handed the request on, or its client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hop {
    /// Its address; `None` if the proxy that it spoke to did not tell, or not so that it could be read.
    pub address: Option<IpAddr>,
    /// The host that it asked for, where the proxy has said so in the same breath.
    pub host: Option<Box<str>>,
    /// The scheme that it used, likewise.
    pub scheme: Option<Box<str>>,
}

impl Forwards {
    /// Whether `X-Forwarded-…` are written.
    pub fn in_x_forwarded(self) -> bool {
        self != Self::Forwarded
    }

    /// Whether `Forwarded` is written.
    pub fn in_forwarded(self) -> bool {
        self != Self::XForwarded
    }
}

/// What trusted proxies vouch for: the client and, after it, each trusted proxy up to the one before the peer, in the order in which
/// the request passed them. What stands left of the client is only claimed, and not among them. The peer must be trusted.
pub fn vouched(headers: &HeaderMap, trusted: &AddressList, believed: ForwardedHeader) -> Vec<Hop> {
    let name = match believed {
        ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardedHeader::Forwarded => header::FORWARDED,
    };
    let values: Vec<&str> = headers.get_all(name).iter().map(readable).collect();
    let mut hops = Vec::new();
    for entry in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let hop = match believed {
            ForwardedHeader::XForwardedFor => Hop { address: parse_node(entry.trim()), ..Hop::default() },
            ForwardedHeader::Forwarded => {
                let text = |name| parameter(entry, name).map(Into::into);
                let address = parameter(entry, "for").and_then(parse_node);
                Hop { address, host: text("host"), scheme: text("proto") }
            }
        };
        let address = hop.address.map(|address| address.to_canonical());
        hops.push(Hop { address, ..hop });
        if !address.is_some_and(|address| trusted.contains(address)) {
            break;
        }
    }
    hops.reverse();
    hops
}

fn readable(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("?")
}

impl fmt::Display for Hop {
    /// As an element of `Forwarded`: addresses of version 6 and hosts with a port stand in quotes (RFC 7239, sections 4 and 6).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(IpAddr::V4(address)) => write!(f, "for={address}")?,
            Some(IpAddr::V6(address)) => write!(f, "for=\"[{address}]\"")?,
            None => f.write_str("for=unknown")?,
        }
        if let Some(host) = self.host.as_deref() {
            write!(f, ";host=\"{host}\"")?;
        }
        if let Some(scheme) = self.scheme.as_deref() {
            write!(f, ";proto={scheme}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Client;
    use super::*;

    fn hops(name: &'static str, values: &[&'static str], believed: ForwardedHeader) -> Vec<String> {
        let trusted = AddressList::parse(["127.0.0.1", "10.0.0.0/8"]).unwrap();
        let headers: HeaderMap = values.iter().map(|&value| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let hops = vouched(&headers, &trusted, believed);
        // Whoever is the client by one reading is so by the other.
        let client = Client::of(IpAddr::from([127, 0, 0, 1]), &headers, &trusted, believed);
        match (client, hops.first()) {
            (Client::Named(address), first) => assert_eq!(first.unwrap().address, Some(address)),
            (Client::Proxy(_), first) => assert!(first.is_none_or(|hop| hop.address.is_none_or(|a| trusted.contains(a)))),
            (Client::Peer(_), _) => panic!("the peer is trusted"),
        }
        hops.iter().map(Hop::to_string).collect()
    }

    #[test]
    fn what_is_vouched_for_begins_with_the_client() {
        let x = |values| hops("x-forwarded-for", values, ForwardedHeader::XForwardedFor);
        assert_eq!(x(&["1.1.1.1, 198.51.100.1, 10.0.0.7"]), ["for=198.51.100.1", "for=10.0.0.7"]);
        assert_eq!(x(&["2001:db8::1"]), ["for=\"[2001:db8::1]\""]);
        assert_eq!(x(&["1.1.1.1, garbage", "10.0.0.7"]), ["for=unknown", "for=10.0.0.7"]);
        assert_eq!(x(&["10.0.0.7"]), ["for=10.0.0.7"]);
        assert!(x(&[]).is_empty());
    }

    #[test]
    fn forwarded_tells_host_and_scheme_too() {
        let f = |values| hops("forwarded", values, ForwardedHeader::Forwarded);
        assert_eq!(
            f(&["for=1.1.1.1;host=evil, For=\"[2001:db8::1]:9\";Proto=https;host=\"a:1\", for=10.0.0.7;by=_x"]),
            ["for=\"[2001:db8::1]\";host=\"a:1\";proto=https", "for=10.0.0.7"]
        );
        assert_eq!(f(&["for=_hidden;proto=https"]), ["for=unknown;proto=https"]);
    }
}
