//! Which requests are an API's, by authority and path.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::route::PathPattern;

/// A host name or address without port, in small letters and without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(Box<str>);

/// A text that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host; write \"api.example.com\" or \"127.0.0.1\", without scheme, port and path")]
pub struct InvalidHost(Box<str>);

/// The beginning of the paths of one API of several under one host, as in `/billing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix {
    text: Box<str>,
    pattern: PathPattern,
}

/// A text that is no path prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a path prefix; write it as in \"/billing\", without a slash at the end and without wildcards")]
pub struct InvalidPathPrefix(Box<str>);

impl Host {
    /// The host of a request's authority, without port and trailing dot. `None` if it is nothing that a URI may name (RFC 9110,
    /// section 7.2: the answer is 400): a user, a port that is none, an empty label, brackets around anything but an address, or a
    /// character that no name has. Some other program would take another part of it for the host.
    pub fn of_authority(authority: &str) -> Option<&str> {
        if let Some(rest) = authority.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            let port = if port.is_empty() { "" } else { port.strip_prefix(':')? };
            return is_port(port).then_some(address);
        }
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let host = host.strip_suffix('.').unwrap_or(host);
        let mut label_is_empty = true;
        for byte in host.bytes() {
            match byte {
                b'.' if label_is_empty => return None,
                b'.' => label_is_empty = true,
                b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => label_is_empty = false,
                _ => return None,
            }
        }
        (!label_is_empty && is_port(port)).then_some(host)
    }

    /// The port of an authority of which [`of_authority`](Self::of_authority) knows the host; `None` if it names none.
    pub fn port_of(authority: &str) -> Option<u16> {
        authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).filter(|_| !authority.ends_with(']'))
    }

    /// Whether two authorities name the same place: the same host, whatever its case and its trailing dot, and not two ports
    /// that differ. One that names no port means whichever port it was sent to.
    pub fn agree(one: &str, other: &str) -> bool {
        let (Some(first), Some(second)) = (Self::of_authority(one), Self::of_authority(other)) else { return false };
        let ports = Self::port_of(one).zip(Self::port_of(other));
        first.eq_ignore_ascii_case(second) && ports.is_none_or(|(first, second)| first == second)
    }

    /// Whether this is the host of a request, whatever its case.
    pub fn is(&self, host: &str) -> bool {
        self.0.eq_ignore_ascii_case(host)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_port(port: &str) -> bool {
    port.is_empty() || (port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name = !text.is_empty() && text.len() <= 253 && text.chars().all(usable);
        let fits = name || text.parse::<Ipv6Addr>().is_ok();
        if fits {
            Ok(Self(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase().into()))
        } else {
            Err(InvalidHost(text.into()))
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PathPrefix {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern that covers the prefix and everything below it.
    pub fn pattern(&self) -> &PathPattern {
        &self.pattern
    }
}

impl FromStr for PathPrefix {
    type Err = InvalidPathPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPathPrefix> {
        let invalid = || InvalidPathPrefix(text.into());
        if text.is_empty() || text.ends_with('/') || text.contains(['*', '{', '}']) {
            return Err(invalid());
        }
        let pattern = format!("{text}/*").parse().map_err(|_| invalid())?;
        Ok(Self { text: text.into(), pattern })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_port_and_trailing_dot_of_an_authority_do_not_matter() {
        for (authority, host) in [
            ("API.Example.com", "api.example.com"),
            ("api.example.com:8443", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com.:80", "api.example.com"),
            ("127.0.0.1:8080", "127.0.0.1"),
            ("[2001:DB8::1]:8080", "2001:db8::1"),
        ] {
            assert!(host.parse::<Host>().unwrap().is(Host::of_authority(authority).unwrap()), "{authority}");
        }
        for other in
            ["", "user@api.example.com", "user:word@api.example.com", "api.example.com@evil.example", "xapi.example.com"]
        {
            let own: Host = "api.example.com".parse().unwrap();
            assert!(!Host::of_authority(other).is_some_and(|host| own.is(host)), "{other}");
        }
    }

    #[test]
    fn what_no_uri_may_name_has_no_host() {
        for authority in [
            "",
            ".",
            ":80",
            "..",
            "a..b",
            ".a",
            "a..",
            "user@a",
            "a@",
            "a:80:80",
            "a:+80",
            "a:-1",
            "a:0x50",
            "a: 80",
            "a:65536",
            "a:000080",
            "a,b",
            "a b",
            "a\tb",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a%00",
            "a%2eb",
            "a;b",
            "é",
            "[::1",
            "[::1]80",
            "[x]",
            "[::1%25eth0]",
            "::1",
            "2001:db8::1",
        ] {
            assert_eq!(Host::of_authority(authority), None, "{authority:?}");
        }
        for (authority, host) in [("a:", "a"), ("A_1-b.:0", "A_1-b"), ("[::1]:", "::1"), ("[::1]", "::1")] {
            assert_eq!(Host::of_authority(authority), Some(host), "{authority:?}");
        }
    }

    #[test]
    fn authorities_agree_without_regard_to_case_and_trailing_dot_unless_both_name_a_port() {
        for (one, other) in [("a", "A."), ("a:80", "a"), ("a:", "a:80"), ("a.:80", "A:80"), ("[::1]:80", "[::1]")] {
            assert!(Host::agree(one, other) && Host::agree(other, one), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a:80", "a:81"), ("a", "a@a"), ("", ""), ("[::1]:80", "[::1]:81")] {
            assert!(!Host::agree(one, other) && !Host::agree(other, one), "{one} {other}");
        }
    }

    #[test]
    fn hosts_and_prefixes_are_checked_when_they_are_configured() {
        assert_eq!("API.example.com.".parse::<Host>().unwrap().as_str(), "api.example.com");
        for text in ["", "http://x", "x:80", "x/y", "a b", "é.example"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
        assert!("/billing/v2".parse::<PathPrefix>().is_ok());
        for text in ["", "/", "billing", "/billing/", "/b*", "/{x}", "/a//b", "/a%20b"] {
            assert!(text.parse::<PathPrefix>().is_err(), "{text}");
        }
    }
}
