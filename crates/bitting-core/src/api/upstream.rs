//! Where the protected API itself is.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// The origin of an upstream: scheme and authority. Paths are forwarded as they come, so it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
}

/// A text that names no usable upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstream {
    /// It is no origin.
    #[error("{0:?} is not an origin; write http, host and port, as in \"http://127.0.0.1:3000\", without path and user")]
    NotAnOrigin(Box<str>),
    /// It is one, behind TLS.
    #[error(
        "https upstreams are not supported yet; write \"http://…\", or put a proxy such as nginx, stunnel or Caddy between \
         that speaks https to it"
    )]
    Https,
}

impl Upstream {
    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl FromStr for Upstream {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, InvalidUpstream> {
        if text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
            return Err(InvalidUpstream::Https);
        }
        let invalid = || InvalidUpstream::NotAnOrigin(text.into());
        // http::Uri would drop a fragment silently.
        let uri: Uri = Some(text).filter(|t| !t.contains(['#', '?', '@'])).and_then(|t| t.parse().ok()).ok_or_else(invalid)?;
        let bare = uri.path_and_query().is_none_or(|path| path == "/") && !text.ends_with('/');
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) if bare && *scheme == Scheme::HTTP && !authority.host().is_empty() => {
                Ok(Self { scheme: scheme.clone(), authority: authority.clone() })
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_origin_is_an_upstream() {
        for text in ["http://127.0.0.1:3000", "http://[::1]:3000", "http://api.internal"] {
            assert_eq!(text.parse::<Upstream>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "127.0.0.1:3000",
            "http://x/",
            "http://x/base",
            "http://u:p@x",
            "http://x?y",
            "http://x#y",
            "ftp://x",
            "http://",
        ] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_upstream_behind_tls_is_told_that_it_must_wait() {
        for text in ["https://api.example", "HTTPS://api.example:8443/x"] {
            assert_eq!(text.parse::<Upstream>(), Err(InvalidUpstream::Https));
        }
    }
}
