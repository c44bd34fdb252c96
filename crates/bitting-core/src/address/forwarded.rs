//! The client's address when a proxy stands in front.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

use super::AddressList;

/// The header in which the trusted proxies write whom they forward for. Only one is believed: a proxy that writes one of
/// them passes the other on as the client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, the common one.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239), its `for` parameter.
    Forwarded,
}

/// Where a request comes from, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// From whoever is connected, whom nobody has declared as a proxy.
    Peer(IpAddr),
    /// From whoever a trusted proxy names, or somebody who asks in its place.
    Named(IpAddr),
    /// From a trusted proxy that does not say for whom. The address is the proxy's, and stands for all who come through it.
    Proxy(IpAddr),
}

impl Client {
    /// The client of a request: the peer, or, as long as that is a trusted proxy, the one that it forwarded for. Read from the
    /// right, because each proxy appends and whatever stands left of an untrusted entry is only claimed.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &AddressList, believed: ForwardedHeader) -> Self {
        let mut client = peer.to_canonical();
        if !trusted.contains(client) {
            return Self::Peer(client);
        }
        let name = match believed {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => header::FORWARDED,
        };
        let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
        for entry in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            let node = match believed {
                ForwardedHeader::XForwardedFor => Some(entry.trim()),
                ForwardedHeader::Forwarded => parameter(entry, "for"),
            };
            // An entry that cannot be read was written by somebody; whoever stands left of it is not known.
            let Some(address) = node.and_then(parse_node) else { return Self::Proxy(client) };
            client = address.to_canonical();
            if !trusted.contains(client) {
                return Self::Named(client);
            }
        }
        Self::Proxy(client)
    }

    /// The address.
    pub fn address(self) -> IpAddr {
        match self {
            Self::Peer(address) | Self::Named(address) | Self::Proxy(address) => address,
        }
    }
}

/// An address that somebody tells who is to be believed.
impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self::Named(address.to_canonical())
    }
}

/// Whether a request says for whom it is forwarded. Browsers and programs do not; a proxy does.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED) || headers.contains_key(X_REAL_IP)
}

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The value of a parameter in one element of `Forwarded`; none if it is there twice (RFC 7239, section 4).
///
/// Commas and semicolons are looked for inside of quotes too: a quote that a caller opened and never closed must not swallow
/// what the proxy has written after it.
pub(super) fn parameter<'e>(element: &'e str, wanted: &str) -> Option<&'e str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim());
    let value = values.next().filter(|_| values.next().is_none())?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address with or without a port: `192.0.2.7`, `192.0.2.7:443`, `2001:db8::1`, `[2001:db8::1]:443`, `192.0.2.7:_hidden`.
pub(super) fn parse_node(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    let (address, port) = if let Some(bracketed) = node.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        (IpAddr::V6(address.parse().ok()?), if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else {
        let (address, port) = node.split_once(':')?;
        (IpAddr::V4(address.parse().ok()?), Some(port))
    };
    port.is_none_or(is_node_port).then_some(address)
}

/// A port, or a name in its place that tells nobody anything (RFC 7239, section 6.3).
fn is_node_port(port: &str) -> bool {
    let is_hidden = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    is_number || port.strip_prefix('_').is_some_and(is_hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, name: &'static str, values: &[&str], believed: ForwardedHeader) -> String {
        let trusted = AddressList::parse(["127.0.0.1", "10.0.0.0/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        Client::of(peer.parse().unwrap(), &headers, &trusted, believed).address().to_string()
    }

    #[test]
    fn an_untrusted_peers_headers_are_ignored() {
        let x = ForwardedHeader::XForwardedFor;
        assert_eq!(client("192.0.2.1", "x-forwarded-for", &["198.51.100.1"], x), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", "x-forwarded-for", &["198.51.100.1"], x), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_untrusted_entry_is_the_client() {
        let x = ForwardedHeader::XForwardedFor;
        for (values, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),
            (&["1.1.1.1", "198.51.100.1:4711", "10.0.0.7"], "198.51.100.1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
            (&["[::ffff:198.51.100.1]:443"], "198.51.100.1"),
            (&["1.1.1.1, garbage"], "127.0.0.1"),
            (&["198.51.100.1:"], "127.0.0.1"),
            (&["198.51.100.1:443x"], "127.0.0.1"),
            (&["198.51.100.1:4711:1"], "127.0.0.1"),
            (&["[2001:db8::1]443"], "127.0.0.1"),
            (&["[2001:db8::1"], "127.0.0.1"),
            (&["[198.51.100.1]"], "127.0.0.1"),
            (&["fe80::1%eth0"], "127.0.0.1"),
            (&["198.51.100.1 10.0.0.7"], "127.0.0.1"),
            (&["198.51.100.1,"], "127.0.0.1"),
            (&["\u{e9}"], "127.0.0.1"),
            (&["1.1.1.1, garbage, 10.0.0.7"], "10.0.0.7"),
            (&[""], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", "x-forwarded-for", values, x), expected, "{values:?}");
        }
    }

    #[test]
    fn a_proxy_that_does_not_say_for_whom_is_told_from_whoever_it_names_and_from_a_stranger() {
        let trusted = AddressList::parse(["10.0.0.0/8"]).unwrap();
        let of = |peer: &str, values: &[&'static str]| {
            let headers = values.iter().map(|value| (X_FORWARDED_FOR, value.parse().unwrap())).collect();
            Client::of(peer.parse().unwrap(), &headers, &trusted, ForwardedHeader::XForwardedFor)
        };
        let address = |text: &str| text.parse().unwrap();
        assert_eq!(of("192.0.2.1", &["198.51.100.1"]), Client::Peer(address("192.0.2.1")));
        assert_eq!(of("10.0.0.7", &["198.51.100.1"]), Client::Named(address("198.51.100.1")));
        for values in [&[][..], &["garbage"], &["198.51.100.1, garbage"], &["10.0.0.7"]] {
            assert_eq!(of("10.0.0.7", values), Client::Proxy(address("10.0.0.7")), "{values:?}");
        }
    }

    #[test]
    fn only_the_configured_header_is_believed() {
        let f = ForwardedHeader::Forwarded;
        assert_eq!(client("127.0.0.1", "x-forwarded-for", &["1.1.1.1"], f), "127.0.0.1");
        assert_eq!(client("127.0.0.1", "forwarded", &["for=1.1.1.1"], ForwardedHeader::XForwardedFor), "127.0.0.1");
        for (value, expected) in [
            ("for=198.51.100.1;proto=https", "198.51.100.1"),
            ("proto=https; For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=1.1.1.1, for=198.51.100.1, for=10.0.0.7", "198.51.100.1"),
            ("for=\"198.51.100.1:_port\"", "198.51.100.1"),
            ("for=\"x, for=198.51.100.1", "198.51.100.1"),
            ("for=1.1.1.1;for=198.51.100.1", "127.0.0.1"),
            ("for=\"198.51.100.1", "127.0.0.1"),
            ("for=unknown", "127.0.0.1"),
            ("for=198.51.100.1, for=unknown", "127.0.0.1"),
            ("for=_hidden", "127.0.0.1"),
            ("by=10.0.0.7", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", "forwarded", &[value], f), expected, "{value}");
        }
    }
}
