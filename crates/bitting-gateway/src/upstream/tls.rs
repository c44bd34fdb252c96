//! TLS to upstreams: whom to trust, and what to show.

use std::io;
use std::sync::Arc;

use bitting_core::api::{Origin, TlsIdentity, UpstreamTls};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};

use super::connection::Secured;

/// What of TLS to an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTls {
    /// The authorities that are trusted.
    #[error("{0}")]
    Roots(String),
    /// The certificate that is shown.
    #[error("{0}")]
    Certificate(String),
    /// Its key.
    #[error("{0}")]
    Key(String),
    /// The name that the upstream's certificate must be for.
    #[error("{0:?} cannot be the name in a certificate")]
    ServerName(Box<str>),
}

/// Checks what TLS to an upstream is made of, as opening the first connection would.
///
/// # Errors
/// What cannot be used of it.
pub fn check_tls(tls: &UpstreamTls) -> Result<(), InvalidTls> {
    if let Some(name) = &tls.server_name {
        ServerName::try_from(&**name).map_err(|_| InvalidTls::ServerName(name.clone()))?;
    }
    if let Some(roots) = &tls.roots {
        own_roots(roots)?;
    }
    if tls.identity.is_some() {
        with_roots(tls, RootCertStore::empty())?;
    }
    Ok(())
}

/// How connections of an upstream are secured.
pub(super) fn client(tls: &UpstreamTls) -> Result<Arc<ClientConfig>, InvalidTls> {
    let roots = match &tls.roots {
        Some(roots) => own_roots(roots)?,
        None => system_roots(),
    };
    let mut config = with_roots(tls, roots)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The same with the name that a server's certificate must be for.
pub(super) fn secured(origin: &Origin, tls: &UpstreamTls, config: &Arc<ClientConfig>) -> Result<Secured, InvalidTls> {
    let name = tls.server_name.as_deref().unwrap_or_else(|| origin.host());
    let name = ServerName::try_from(name.to_owned()).map_err(|_| InvalidTls::ServerName(name.into()))?;
    Ok(Secured { config: Arc::clone(config), name })
}

fn with_roots(tls: &UpstreamTls, roots: RootCertStore) -> Result<ClientConfig, InvalidTls> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // The provider has suites for both versions.
    let builder = builder.map_err(|error| InvalidTls::Roots(error.to_string()))?.with_root_certificates(roots);
    let Some(TlsIdentity { certificate, key }) = &tls.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate).map_err(InvalidTls::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key.reveal())
        .map_err(|_| InvalidTls::Key("there is no unencrypted private key in it".to_owned()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| InvalidTls::Key(format!("the key cannot be used: {error}")))
}

fn own_roots(pem: &[u8]) -> Result<RootCertStore, InvalidTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(InvalidTls::Roots)? {
        roots.add(certificate).map_err(|error| InvalidTls::Roots(format!("a certificate cannot be used: {error}")))?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| format!("this is no PEM file: {error}"))?;
    if read.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(read) }
}

/// The machine's authorities; where it has none, as an image without files, those that Mozilla trusts, which are built in.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::warn!(%error, "certificates of this machine cannot be read");
    }
    let (added, _unusable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::info!("this machine has no certificates of authorities: those that Mozilla trusts are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// What an operator can do about a connection that TLS refused.
pub(super) fn remedy(error: &Error) -> Option<&'static str> {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match error {
        Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
            Some("its certificate was signed by nobody who is trusted here: name that authority's certificate in `roots`")
        }
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            Some("write in `server_name` the name that its certificate is for")
        }
        Error::InvalidCertificate(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }) => {
            Some("give the server a new certificate, or set this machine's clock")
        }
        Error::InvalidMessage(_) => Some("the server does not speak TLS there: write its other port, or http://"),
        Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::BadCertificate) => {
            Some("the server asks for a certificate that it trusts: name one in `certificate` and `key`")
        }
        _ => None,
    }
}

impl From<InvalidTls> for io::Error {
    fn from(error: InvalidTls) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
