//! Over TLS, to whoever has the name's certificate.

use std::sync::Arc;

use bitting_notify::Roots;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::fixture::{Endpoint, failure, says, send, sender};

/// An endpoint over TLS, and its certificate as a PEM file.
async fn secured(name: &str) -> (Endpoint, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let endpoint = Endpoint::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut part = [0; 4_096];
            if stream.read(&mut part).await.is_ok_and(|length| length > 0) {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    })
    .await;
    (endpoint, cert.pem())
}

#[tokio::test]
async fn a_message_goes_over_tls_to_whoever_has_the_names_certificate() {
    let (endpoint, pem) = secured("hooks.example.com").await;
    let port = endpoint.address.port();
    let trusting = |roots| sender(&["127.0.0.1"], says(&[&["127.0.0.1"]]), roots);
    let own = trusting(Roots::default().with_pem(pem.as_bytes()).unwrap());
    let exchange = send(&own, &format!("https://hooks.example.com:{port}/")).await;
    assert_eq!(exchange.outcome.unwrap().status, 200);
    // Another name leads to the same address, but has no certificate there.
    let words = failure(&own, &format!("https://other.example.com:{port}/")).await;
    assert!(words.starts_with("no TLS connection: invalid peer certificate"), "{words}");
    // And nobody trusts it who was not told to.
    let words = failure(&trusting(Roots::default()), &format!("https://hooks.example.com:{port}/")).await;
    assert!(words.starts_with("no TLS connection: invalid peer certificate"), "{words}");
}

#[tokio::test]
async fn what_speaks_no_tls_gets_no_message() {
    let endpoint = Endpoint::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let plain = sender(&["127.0.0.1"], says(&[&["127.0.0.1"]]), Roots::default());
    let words = failure(&plain, &format!("https://hooks.example.com:{}/", endpoint.address.port())).await;
    assert!(words.contains("TLS") || words.contains("longer than"), "{words}");
}

#[test]
fn a_file_without_certificates_is_refused() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(Roots::default().with_pem(text.as_bytes()).is_err(), "{text}");
    }
}
