//! One certificate with its chain and its private key.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::time::Timestamp;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, KeyUsage};

/// A certificate, those of the authorities between it and one that callers know, and its private key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Arc<[Box<str>]>,
    not_before: Timestamp,
    not_after: Timestamp,
    /// Whether each certificate was signed by the next one, as callers expect it (RFC 8446, section 4.4.2).
    in_order: bool,
}

/// Why a file is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCertificate {
    /// Not PEM.
    #[error("it is no PEM file; write the path of one with \"-----BEGIN CERTIFICATE-----\" in it")]
    NotPem,
    /// In a form that is for programs alone.
    #[error(
        "it is in a binary form, not PEM; convert it, as with `openssl x509 -inform DER -in FILE -out NEW`, or what ends in .p12 and .pfx with `openssl pkcs12 -in FILE -nokeys -out NEW`"
    )]
    Binary,
    /// Without any.
    #[error(
        "there is no certificate in it; write the path of a PEM file with the certificate and, after it, those that signed it"
    )]
    Empty,
    /// With something else in its place.
    #[error("its certificate number {0} cannot be read: {1}; have it issued anew, as X.509 version 3")]
    Unreadable(usize, webpki::Error),
}

/// Why a file is no private key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// Not PEM.
    #[error("it is no PEM file; write the path of one with \"-----BEGIN PRIVATE KEY-----\" in it")]
    NotPem,
    /// In a form that is for programs alone.
    #[error(
        "it is in a binary form, not PEM; convert it, as with `openssl pkey -inform DER -in FILE -out NEW`, or what ends in .p12 and .pfx with `openssl pkcs12 -in FILE -nocerts -nodes -out NEW`"
    )]
    Binary,
    /// Without one.
    #[error("there is no private key in it; write the path of a PEM file with \"-----BEGIN PRIVATE KEY-----\" in it")]
    Empty,
    /// Under a passphrase.
    #[error("the private key is encrypted; decrypt it, as with `openssl pkey -in FILE -out NEW`, and protect the file instead")]
    Encrypted,
    /// Of a kind that is not known.
    #[error(
        "the private key is damaged, too short, or of a kind that is not known; write one for ECDSA (P-256 or P-384), Ed25519 or RSA from 2048 bits"
    )]
    Unusable(#[source] tokio_rustls::rustls::Error),
}

/// Why two files are no pair.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPair {
    /// The one with the certificate.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
    /// The one with the private key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// The key belongs to a later certificate.
    #[error("the key belongs to certificate number {0} of the file; put that one first and after it those that signed it")]
    NotFirst(usize),
    /// The key belongs to none.
    #[error("the key does not belong to the certificate; write the paths of two files that were made for each other")]
    Mismatch,
}

/// Later than anything that a certificate says: 9999-12-31.
const FAR: Duration = Duration::from_hours(70_389_504);

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// If one of them is not what it should be, or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidPair> {
        let chain = read_chain(chain)?;
        let key = read_key(key)?;
        let key = ring::default_provider().key_provider.load_private_key(key).map_err(InvalidKey::Unusable)?;
        let belongs = |at: &usize| CertifiedKey::new(vec![chain[*at].clone()], Arc::clone(&key)).keys_match().is_ok();
        match (0..chain.len()).find(belongs) {
            Some(0) => {}
            Some(later) => return Err(InvalidPair::NotFirst(later + 1)),
            None => return Err(InvalidPair::Mismatch),
        }
        let parsed = chain
            .iter()
            .enumerate()
            .map(|(at, der)| EndEntityCert::try_from(der).map_err(|error| InvalidCertificate::Unreadable(at + 1, error)));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let own = &parsed[0];
        let names = own.valid_dns_names().map(Box::from).collect();
        let in_order = parsed.windows(2).all(|pair| pair[0].issuer() == pair[1].subject());
        let (not_before, not_after) = validity(own);
        Ok(Self { key: Arc::new(CertifiedKey::new(chain, key)), names, not_before, not_after, in_order })
    }

    /// The names that it is for, as they stand in it; wildcards begin with `*.`.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// From when on it is valid.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last moment at which it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether each of its certificates was signed by the next one.
    pub fn is_in_order(&self) -> bool {
        self.in_order
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("names", &self.names).finish_non_exhaustive()
    }
}

impl fmt::Display for Certificate {
    /// Its names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() { f.write_str("(no name)") } else { f.write_str(&self.names.join(", ")) }
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidCertificate> {
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() && is_binary(pem) => Err(InvalidCertificate::Binary),
        Ok(chain) if chain.is_empty() => Err(InvalidCertificate::Empty),
        Ok(chain) => Ok(chain),
        Err(_) => Err(InvalidCertificate::NotPem),
    }
}

fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, InvalidKey> {
    match PrivateKeyDer::from_pem_slice(pem) {
        // The old form says it in a header, the new one in its title.
        Ok(_) if contains(pem, b"Proc-Type: 4,ENCRYPTED") => Err(InvalidKey::Encrypted),
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) if contains(pem, b"BEGIN ENCRYPTED PRIVATE KEY") => Err(InvalidKey::Encrypted),
        Err(PemError::NoItemsFound) if is_binary(pem) => Err(InvalidKey::Binary),
        Err(PemError::NoItemsFound) => Err(InvalidKey::Empty),
        Err(_) if contains(pem, b"Proc-Type: 4,ENCRYPTED") => Err(InvalidKey::Encrypted),
        Err(_) => Err(InvalidKey::NotPem),
    }
}

/// Whether it is DER, as a certificate, a key and PKCS#12 all are in their binary forms: a sequence, and no text.
fn is_binary(file: &[u8]) -> bool {
    file.first() == Some(&0x30) && std::str::from_utf8(file).is_err()
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(text, what).is_some()
}

/// From when until when a certificate is valid. webpki does not show it but says it in its refusals, which begin with it: so it is
/// asked about long ago and about long after. A reader of X.509 beside it would be ten more crates.
fn validity(certificate: &EndEntityCert<'_>) -> (Timestamp, Timestamp) {
    let judge = |at: Duration| {
        let at = UnixTime::since_unix_epoch(at);
        certificate.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err()
    };
    let not_before = match judge(Duration::ZERO) {
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => timestamp(not_before),
        _ => Timestamp::from_millis(0),
    };
    let not_after = match judge(FAR) {
        Some(webpki::Error::CertExpired { not_after, .. }) => timestamp(not_after),
        _ => Timestamp::MAX,
    };
    (not_before, not_after)
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_millis(i64::try_from(time.as_secs().saturating_mul(1_000)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::*;

    struct Made {
        authority: String,
        own: String,
        key: String,
    }

    fn made() -> Made {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["api.example".to_owned(), "*.api.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2024, 2, 29);
        params.not_after = date_time_ymd(2031, 1, 2);
        let own = params.signed_by(&key, &issuer).unwrap().pem();
        Made { authority, own, key: key.serialize_pem() }
    }

    fn read(chain: &str, key: &str) -> Result<Certificate, String> {
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_certificate_says_for_whom_and_how_long_it_is() {
        let made = made();
        let certificate = read(&(made.own.clone() + &made.authority), &made.key).unwrap();
        assert_eq!(certificate.to_string(), "api.example, *.api.example");
        assert_eq!(certificate.not_before().to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(certificate.not_after().to_string(), "2031-01-02T00:00:00Z");
        assert!(certificate.is_in_order());
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
    }

    #[test]
    fn files_that_are_no_pair_are_refused_with_what_to_do() {
        let (made, other) = (made(), made());
        let damaged = made.own.replace("MII", "MIX");
        let key = &*made.key;
        for (chain, key, wrong) in [
            ("", key, "no certificate in it"),
            (key, key, "no certificate in it"),
            ("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", key, "no PEM file"),
            (&damaged, key, "the key does not belong to the certificate"),
            (&made.own, "", "no private key in it"),
            (&made.own, &made.own, "no private key in it"),
            (&made.own, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "openssl pkey"),
            (&made.own, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is damaged"),
            (&other.own, key, "the key does not belong to the certificate"),
            (&(made.authority.clone() + &made.own), key, "certificate number 2 of the file; put that one first"),
        ] {
            let error = read(chain, key).unwrap_err();
            assert!(error.contains(wrong), "{wrong}: {error}");
        }
    }

    #[test]
    fn binary_files_are_refused_with_how_to_convert_them() {
        let made = made();
        let certificate = CertificateDer::from_pem_slice(made.own.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
        let error = Certificate::from_pem(&certificate, made.key.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("binary form, not PEM; convert it, as with `openssl x509"), "{error}");
        let error = Certificate::from_pem(made.own.as_bytes(), key.secret_der()).unwrap_err().to_string();
        assert!(error.contains("binary form, not PEM; convert it, as with `openssl pkey"), "{error}");
    }

    #[test]
    fn authorities_that_did_not_sign_what_stands_before_them_are_noticed() {
        let (made, other) = (made(), made());
        let stranger = rcgen::generate_simple_self_signed(vec!["other.example".to_owned()]).unwrap().cert.pem();
        assert!(read(&made.own, &made.key).unwrap().is_in_order());
        assert!(!read(&(made.own + &stranger + &other.authority), &made.key).unwrap().is_in_order());
    }
}
