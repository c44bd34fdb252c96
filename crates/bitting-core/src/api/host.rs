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
    /// The host of a request's authority, without port and trailing dot. `None` if it has a user, a port that is no port or
    /// brackets around anything but an address: some other program would take another part of it for the host.
    pub fn of_authority(authority: &str) -> Option<&str> {
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (address, port.strip_prefix(':').or(port.is_empty().then_some(""))?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let is_port = port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
        (is_port && !host.contains('@')).then(|| host.strip_suffix('.').unwrap_or(host))
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
