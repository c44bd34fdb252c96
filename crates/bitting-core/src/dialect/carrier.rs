//! The places in a request that can carry a credential.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;

/// Headers from which a credential is taken under another name than `header:`.
const OTHER_CARRIERS: [&str; 3] = ["authorization", "cookie", "sec-websocket-protocol"];

/// Whether a header says how a message is framed, what is in it or where it goes. Configuration can neither take
/// credentials from it, nor set it.
pub fn is_framing(name: &HeaderName) -> bool {
    let names = [
        "connection",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    names.contains(&name.as_str())
}

/// A place that can carry a credential. Its text is what the configuration writes, as in `header:X-API-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization` with a scheme: `bearer` (RFC 6750) or `authorization:Token`. The scheme is compared without case.
    Authorization(Box<str>),
    /// The user name of `Authorization: Basic` (RFC 7617), whatever the password: `basic`.
    Basic,
    /// A header of its own: `header:X-API-Key`.
    Header(HeaderName),
    /// A query parameter: `query:api_key`. Name and value are percent-decoded.
    Query(Box<str>),
    /// A cookie: `cookie:session`.
    Cookie(Box<str>),
    /// A WebSocket subprotocol that begins with this text, for browsers, which can set no header:
    /// `subprotocol:api-key.`
    Subprotocol(Box<str>),
}

/// A text that names no carrier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no place for a credential; write \"bearer\", \"authorization:SCHEME\", \"basic\", \"header:NAME\", \
     \"query:NAME\", \"cookie:NAME\" or \"subprotocol:PREFIX\""
)]
pub struct InvalidCarrier(Box<str>);

impl FromStr for Carrier {
    type Err = InvalidCarrier;

    fn from_str(text: &str) -> Result<Self, InvalidCarrier> {
        let invalid = || InvalidCarrier(text.into());
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let token = |name: &str| HeaderName::from_str(name).is_ok();
        match (kind, name) {
            ("bearer", "") => Ok(Self::Authorization("Bearer".into())),
            ("basic", "") => Ok(Self::Basic),
            ("authorization", scheme) if token(scheme) && !scheme.eq_ignore_ascii_case("basic") => {
                Ok(Self::Authorization(scheme.into()))
            }
            ("header", name) => match HeaderName::from_str(name) {
                Ok(name) if !is_framing(&name) && !OTHER_CARRIERS.contains(&name.as_str()) => Ok(Self::Header(name)),
                _ => Err(invalid()),
            },
            ("query", name) if !name.is_empty() && !name.contains(['&', '=', '#', '%', '+']) => Ok(Self::Query(name.into())),
            ("cookie", name) if token(name) => Ok(Self::Cookie(name.into())),
            ("subprotocol", prefix) if token(prefix) => Ok(Self::Subprotocol(prefix.into())),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization(scheme) if scheme.eq_ignore_ascii_case("bearer") => f.write_str("bearer"),
            Self::Authorization(scheme) => write!(f, "authorization:{scheme}"),
            Self::Basic => f.write_str("basic"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Subprotocol(prefix) => write!(f, "subprotocol:{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_read_back_as_they_are_written() {
        for text in [
            "bearer",
            "basic",
            "authorization:Token",
            "header:x-api-key",
            "query:api_key",
            "cookie:sid",
            "subprotocol:api-key.",
        ] {
            assert_eq!(text.parse::<Carrier>().unwrap().to_string(), text);
        }
        assert_eq!("authorization:BEARER".parse::<Carrier>().unwrap().to_string(), "bearer");
    }

    #[test]
    fn what_is_no_carrier_is_refused() {
        for text in [
            "",
            "Bearer",
            "bearer:x",
            "header",
            "header:",
            "header:a b",
            "header:Host",
            "header:Authorization",
            "query:",
            "query:a&b",
            "cookie:a b",
            "subprotocol:",
            "authorization:basic",
            "body:key",
        ] {
            assert!(text.parse::<Carrier>().is_err(), "{text:?}");
        }
    }
}
