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

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin; write http, host and port, as in \"http://127.0.0.1:3000\", without path and user")]
pub struct InvalidUpstream(Box<str>);

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
        let invalid = || InvalidUpstream(text.into());
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
}
