//! Which protocols a connection may change to (RFC 9110, section 7.8).

use std::str::FromStr;
use std::sync::Arc;

use http::HeaderName;

/// The protocols that a request may ask its connection to be upgraded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrades(Arc<[UpgradeProtocol]>);

/// The name of a protocol, as `Upgrade` has it. Compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeProtocol(Box<str>);

/// A text that names no protocol which may be upgraded to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpgrade {
    /// It cannot stand in `Upgrade`.
    #[error("{0:?} cannot name a protocol; write \"websocket\"")]
    Name(Box<str>),
    /// Requests would go on inside it that nobody decides about.
    #[error("{0:?} is HTTP again, and what came in it would pass undecided; write \"websocket\", or nothing")]
    Http(Box<str>),
}

/// Names under which HTTP goes on in the upgraded connection: in clear, behind TLS, or as the version that a server likes best.
const HTTP_AGAIN: [&str; 5] = ["h2c", "h2", "h3", "http", "tls"];

impl Upgrades {
    /// None: every request stays HTTP.
    pub fn none() -> Self {
        Self(Arc::new([]))
    }

    /// These.
    pub fn new(protocols: impl IntoIterator<Item = UpgradeProtocol>) -> Self {
        Self(protocols.into_iter().collect())
    }

    /// The protocol of the list with this name.
    pub fn find(&self, name: &str) -> Option<&UpgradeProtocol> {
        self.0.iter().find(|protocol| protocol.is(name))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Upgrades {
    /// WebSocket, which is what people mean by an API with connections.
    fn default() -> Self {
        Self::new([UpgradeProtocol::websocket()])
    }
}

impl UpgradeProtocol {
    /// RFC 6455.
    pub fn websocket() -> Self {
        Self("websocket".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is its own.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl FromStr for UpgradeProtocol {
    type Err = InvalidUpgrade;

    fn from_str(text: &str) -> Result<Self, InvalidUpgrade> {
        let (name, version) = text.split_once('/').unwrap_or((text, "1"));
        let is_token = |text: &str| HeaderName::from_str(text).is_ok();
        if !is_token(name) || !is_token(version) {
            return Err(InvalidUpgrade::Name(text.into()));
        }
        if HTTP_AGAIN.iter().any(|http| name.eq_ignore_ascii_case(http)) {
            return Err(InvalidUpgrade::Http(text.into()));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_found_whatever_the_case_of_its_name() {
        let upgrades = Upgrades::default();
        assert_eq!(upgrades.find("WebSocket").map(UpgradeProtocol::as_str), Some("websocket"));
        assert_eq!(upgrades.find("websocket2"), None);
        assert!(Upgrades::none().find("websocket").is_none() && Upgrades::none().is_empty());
    }

    #[test]
    fn http_inside_http_is_never_upgraded_to() {
        for text in ["h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.0"] {
            assert_eq!(text.parse::<UpgradeProtocol>(), Err(InvalidUpgrade::Http(text.into())));
        }
        for text in ["", "web socket", "a,b", "a/b/c", "a/"] {
            assert_eq!(text.parse::<UpgradeProtocol>(), Err(InvalidUpgrade::Name(text.into())));
        }
        for text in ["websocket", "tcp", "SPDY/3.1"] {
            assert_eq!(text.parse::<UpgradeProtocol>().unwrap().as_str(), text);
        }
    }
}
