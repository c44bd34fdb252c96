//! The certificates of a listener: read from PEM, judged, and chosen by the name that a caller asks for.

mod pair;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, ServerConfig};

pub use pair::{Certificate, InvalidCertificate, InvalidKey, InvalidPair};

/// HTTP/2, HTTP/1.1 and HTTP/1.0, as callers and servers name them to each other while they agree on a protocol (RFC 7301).
pub(crate) const H2: &[u8] = b"h2";
const HTTP_1: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// The certificates of one listener, ready to secure connections. It does not change; a reload makes another.
#[derive(Clone)]
pub struct Certificates {
    all: Arc<[Certificate]>,
    by_name: Arc<ByName>,
    server: Arc<ServerConfig>,
}

impl Certificates {
    /// Those certificates. The first is for callers who ask for no name, or for one that none of them has. `http2` says
    /// whether callers may choose HTTP/2.
    ///
    /// # Errors
    /// If the machine has no randomness for session tickets.
    pub fn new(all: Vec<Certificate>, http2: bool) -> Result<Self, Error> {
        let by_name = Arc::new(ByName::new(&all));
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<ByName>::clone(&by_name));
        // Sessions are resumed from what the caller kept, so memory does not grow with the number of callers.
        server.ticketer = ring::Ticketer::new()?;
        server.alpn_protocols = http2.then_some(H2).into_iter().chain(HTTP_1).map(<[u8]>::to_vec).collect();
        Ok(Self { all: all.into(), by_name, server: Arc::new(server) })
    }

    /// All of them, in the order of the configuration.
    pub fn all(&self) -> &[Certificate] {
        &self.all
    }

    /// Whether one of them is for a host name.
    pub fn is_for(&self, name: &str) -> bool {
        self.by_name.of(name).is_some()
    }

    /// How connections are secured.
    pub(crate) fn server(&self) -> &Arc<ServerConfig> {
        &self.server
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.all).finish()
    }
}

/// The certificates by their names.
#[derive(Debug)]
struct ByName {
    /// Several for one name if they have keys of different kinds, of which an old caller may know only one.
    exact: HashMap<Box<str>, Vec<Arc<CertifiedKey>>>,
    /// Without `*.`: a wildcard stands for one label (RFC 6125, section 6.4.3).
    wildcard: HashMap<Box<str>, Vec<Arc<CertifiedKey>>>,
    first: Option<Arc<CertifiedKey>>,
}

impl ByName {
    fn new(all: &[Certificate]) -> Self {
        let first = all.first().map(|certificate| Arc::clone(certificate.key()));
        let mut by_name = Self { exact: HashMap::new(), wildcard: HashMap::new(), first };
        for certificate in all {
            for name in certificate.names() {
                let name = name.to_ascii_lowercase();
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut by_name.wildcard, parent),
                    None => (&mut by_name.exact, &*name),
                };
                names.entry(name.into()).or_default().push(Arc::clone(certificate.key()));
            }
        }
        by_name
    }

    fn of(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        self.exact.get(name).or_else(|| self.wildcard.get(name.split_once('.')?.1))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.of(name));
        let understood = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let chosen = named.and_then(|keys| keys.iter().find(understood).or(keys.first()));
        chosen.or(self.first.as_ref()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Certificate::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap()
    }

    #[test]
    fn a_name_leads_to_its_certificate_before_a_wildcard_does() {
        let all = [certificate(&["first.example"]), certificate(&["*.shop.example"]), certificate(&["API.shop.example"])];
        let by_name = ByName::new(&all);
        let position = |name: &str| {
            let keys = by_name.of(name)?;
            all.iter().position(|certificate| Arc::ptr_eq(certificate.key(), &keys[0]))
        };
        assert_eq!(position("first.example"), Some(0));
        assert_eq!(position("FIRST.example."), Some(0));
        assert_eq!(position("www.shop.example"), Some(1));
        assert_eq!(position("api.shop.example"), Some(2));
        assert_eq!(position("a.b.shop.example"), None, "a wildcard is for one label");
        assert_eq!(position("shop.example"), None);
        assert_eq!(position("localhost"), None);
    }
}
