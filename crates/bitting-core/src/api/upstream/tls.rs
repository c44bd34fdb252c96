//! What TLS to an upstream is made of, as it was read: whoever connects makes something of it.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// How an `https` upstream is trusted, and how Bitting shows itself to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The PEM file of the only authorities that are trusted; the machine's if there is none.
    pub roots: Option<Arc<[u8]>>,
    /// The certificate that is shown to an upstream that asks for one.
    pub identity: Option<TlsIdentity>,
    /// The name that the upstream's certificate must be for, instead of the origin's host.
    pub server_name: Option<Box<str>>,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The PEM file of the certificate and those that lead from it to its authority.
    pub certificate: Arc<[u8]>,
    /// The key that belongs to it.
    pub key: PrivateKeyPem,
}

/// The PEM file of a private key. It is wiped when nobody has it any more, and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKeyPem(Arc<Zeroizing<Vec<u8>>>);

impl PrivateKeyPem {
    /// What was read of a file.
    pub fn new(pem: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(pem)))
    }

    /// The file's bytes, for whoever makes a key of them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyPem")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_not_shown() {
        let key = PrivateKeyPem::new(b"-----BEGIN PRIVATE KEY-----".to_vec());
        assert_eq!(format!("{key:?}"), "PrivateKeyPem");
    }
}
