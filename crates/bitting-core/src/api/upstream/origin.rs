//! One place where the protected API listens.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// The origin of an upstream: scheme and authority. Paths are forwarded as they come, so it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    is_https: bool,
    authority: Authority,
}

/// A text that names no usable origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin; write http or https, host and port, as in \"http://127.0.0.1:3000\", without path and user")]
pub struct InvalidOrigin(Box<str>);

impl Origin {
    /// Whether it is spoken to by TLS.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Host and port, as they were written.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, or else that of the scheme.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_https { 443 } else { 80 })
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.into());
        // http::Uri would drop a fragment silently.
        let uri: Uri = Some(text).filter(|t| !t.contains(['#', '?', '@'])).and_then(|t| t.parse().ok()).ok_or_else(invalid)?;
        let bare = uri.path_and_query().is_none_or(|path| path == "/") && !text.ends_with('/');
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return Err(invalid()) };
        // A port that is none would be taken for none at all.
        let has_port_if_it_says_so = authority.as_str().len() == authority.host().len() || authority.port_u16().is_some();
        let is_known = *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS;
        if !bare || !is_known || !could_exist(authority.host()) || !has_port_if_it_says_so {
            return Err(invalid());
        }
        Ok(Self { is_https: *scheme == Scheme::HTTPS, authority: authority.clone() })
    }
}

/// Whether a host could be an address or a name in DNS. One that ends in a number can only be an address (URL Standard, section 3.5).
fn could_exist(host: &str) -> bool {
    if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let is_label = |label: &str| {
        let is_known = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (1..=63).contains(&label.len()) && is_known && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && !is_numeric && name.split('.').all(is_label)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_origin_is_an_upstream() {
        for text in [
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://api.internal",
            "https://api.internal:8443",
            "http://api_1",
            "http://api.internal.",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "127.0.0.1:3000",
            "http://x/",
            "http://x/base",
            "http://u:p@x",
            "http://x?y",
            "http://x#y",
            "http://x:",
            "http://x:99999",
            "ftp://x",
            "http://",
            "http://127.0.0.256:3000",
            "http://10.0.0:3000",
            "http://3000",
            "http://a..b",
            "http://.",
            "http://-a.internal",
            "http://a-.internal",
            "http://a*b.internal",
            "http://a-label-of-more-than-sixty-three-characters-is-no-name-in-dns-at-all.internal",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_without_a_port_has_that_of_its_scheme() {
        let of = |text: &str| text.parse::<Origin>().map(|origin| (origin.host().to_owned(), origin.port()));
        assert_eq!(of("http://x").unwrap(), ("x".to_owned(), 80));
        assert_eq!(of("HTTPS://x").unwrap(), ("x".to_owned(), 443));
        assert_eq!(of("https://[::1]:8443").unwrap(), ("::1".to_owned(), 8_443));
    }
}
