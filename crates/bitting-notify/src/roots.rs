//! Whose certificates are trusted.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The certificate authorities that are trusted: those that Mozilla trusts, which are built in so that they need not be on the machine,
/// and one's own.
#[derive(Debug, Clone)]
pub struct Roots(RootCertStore);

/// A text that holds no certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRoots(String);

impl Default for Roots {
    fn default() -> Self {
        Self(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }
}

impl Roots {
    /// Trusts the certificates of a PEM file besides.
    ///
    /// # Errors
    /// If it holds none, or one that is no authority's.
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Self, InvalidRoots> {
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| InvalidRoots(format!("this is no PEM file: {error:?}")))?;
            self.0.add(certificate).map_err(|error| InvalidRoots(format!("a certificate cannot be used: {error}")))?;
            added += 1;
        }
        if added == 0 { Err(InvalidRoots("there is no certificate in it".to_owned())) } else { Ok(self) }
    }

    /// How connections are secured.
    pub(crate) fn client(self) -> Arc<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        match ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
            Ok(builder) => Arc::new(builder.with_root_certificates(self.0).with_no_client_auth()),
            // The provider has suites for both versions.
            Err(error) => unreachable!("{error}"),
        }
    }
}
