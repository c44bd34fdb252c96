//! Which requests are an API's, by authority and path.

use std::fmt;
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
    /// The host of a request's authority, without port and trailing dot. With a user before it, it is the host of no API.
    pub fn without_port(authority: &str) -> &str {
        let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _port)) => address,
            None => authority.split_once(':').map_or(authority, |(host, _port)| host),
        };
        host.strip_suffix('.').unwrap_or(host)
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
        let fits = name || text.parse::<std::net::Ipv6Addr>().is_ok();
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
            assert!(host.parse::<Host>().unwrap().is(Host::without_port(authority)), "{authority}");
        }
        for other in
            ["", "user@api.example.com", "user:word@api.example.com", "api.example.com@evil.example", "xapi.example.com"]
        {
            assert!(!"api.example.com".parse::<Host>().unwrap().is(Host::without_port(other)), "{other}");
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
